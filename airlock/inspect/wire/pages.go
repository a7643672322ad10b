package wire

// AskPages has pages of a PDF drawn, From on; its bytes follow.
type AskPages struct {
	From int `json:"from"` // counted from 1
}

// Page is one page drawn: Wide times High pixels follow, row by row, three
// bytes each (red, green, blue). A Page with no Number ends the answer.
type Page struct {
	Number int    `json:"number"` // counted from 1
	Count  int    `json:"count"`  // of the document
	Wide   int    `json:"wide"`
	High   int    `json:"high"`
	Small  bool   `json:"small,omitempty"` // drawn so small that its words may not be legible
	Fault  string `json:"fault,omitempty"`
}

// What is drawn of a document at one time, at most.
const (
	MaxPages = 10
	MaxWide  = 1000 // pixels of a page
	MaxHigh  = 1500
)
