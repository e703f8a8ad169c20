// Empty but for this line: with an assembly file in the package, Go takes a function without a body (translate.go).
