#!/usr/bin/env node
'use strict';
// The command in a clone: runs the sources under Node 24, installing packages first where they are missing.
var path = require('node:path');
require('../bootstrap/run.cjs').main([path.join(__dirname, '..', 'src', 'main.ts')].concat(process.argv.slice(2)));
