module fairlead.test/paths

go 1.22
