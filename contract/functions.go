package contract

// SystemFunctions are the functions that every stack has. All other folders of lambdas are segments.
var SystemFunctions = []string{"intake", "splitter", "reconciler", "sweeper"}
