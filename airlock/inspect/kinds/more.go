package kinds

// more adds the kinds whose inspectors stand in packages of their own.
func more(map[string]kind) {}
