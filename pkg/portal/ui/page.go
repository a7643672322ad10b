package ui

// Page is one page about one thing.
type Page struct {
	Title  string    // of the browser's tab; Heading if empty
	Back   *Link     // to where one came from
	Above  string    // a caption over the heading
	Head   string    // the heading
	State  *Tag      // the state of the thing
	Lead   string    // one sentence on what it is
	Errors []Problem // what stopped the last attempt, with links to the fields
	Notice *Notice   // what has just been done
	Next   *Next     // who has to act, since when, by when
	Body   []Block   // the substance
	Wide   bool      // use the whole width of a large screen
}

// Frame is what surrounds every page of one request.
type Frame struct {
	Region        string // "Ark · Region"
	Home          string // address of the brand link
	Demonstration string // the sentence of the trial banner, empty in production
	Nav           []Link // at most five for the role in hand
	User          *User  // nil when nobody is signed in
	Reference     string // of the request
	Version       string
	Public        []Link // the footer
}

// User is what the header says of the account.
type User struct {
	Name    string
	Role    string
	Waiting int
}

// Link is a link. Count, when above zero, is shown beside it as waiting.
type Link struct {
	Text    string
	Href    string
	Current bool
	Count   int
}

// Tag is a state in words with a colour: grey not started, blue in progress,
// yellow needs you, green done, red stopped.
type Tag struct{ Text, Colour string }

// The five meanings of a tag's colour.
const (
	Grey   = "grey"
	Blue   = "blue"
	Yellow = "yellow"
	Green  = "green"
	Red    = "red"
)

// Problem is one line of the error summary. Field is the name of the field
// that it is about, or empty.
type Problem struct{ Field, Text, Remedy string }

// Notice tells what has been done or what everyone must know.
type Notice struct {
	Good bool
	Text string
	More string
	Link *Link
}

// Next says what happens next. Tone is you, wait, done or stopped.
type Next struct {
	Tone    string
	Head    string
	Text    string
	When    string // "since 21 Nov 2026 (2 days) · due by 28 Nov 2026"
	Actions []Button
}

// Button is one thing that can be done. With Href it is a link, with Action it
// posts a form. Off is why it can't be done now and who can lift that; the
// button then stays visible, disabled.
type Button struct {
	Text   string
	Href   string
	Action string
	Fields []Pair // posted with Action
	Look   string // "", secondary, warning
	Off    string
	Key    string // a keyboard shortcut of the review page
}

// Pair is a name and a value.
type Pair struct{ Name, Value string }

// Block is a part of a page.
type Block interface{ block() string }

type (
	// Head2 is a heading within the page.
	Head2 struct{ Text, ID string }
	// Head3 is a heading below a Head2.
	Head3 struct{ Text string }
	// Text is one paragraph.
	Text struct {
		Text string
		Soft bool
	}
	// Said is text that a person typed, with its line breaks.
	Said struct{ Text string }
	// Inset sets a sentence apart.
	Inset struct{ Text string }
	// Warning is a callout that should be read before acting.
	Warning struct{ Head, Text string }
	// Bullets is a list.
	Bullets struct{ Items []string }
	// Links is a list of links, in a row or one below the other.
	Links struct {
		Items []Link
		Row   bool
	}
	// Prose is markup written in this program; see NewProse.
	Prose struct{ html string }
	// Code is a command to copy.
	Code struct{ Text string }
	// Details hides more behind a summary.
	Details struct {
		Summary string
		Body    []Block
	}
	// Columns puts Side beside Main on a wide screen.
	Columns struct{ Main, Side []Block }
	// Part is a group of blocks, refreshed every so many seconds when Refresh is above 0.
	Part struct {
		ID      string
		Refresh int
		Body    []Block
	}
	// Actions is a row of buttons.
	Actions struct{ Buttons []Button }
	// Summary is a list of keys and values.
	Summary struct {
		Rows    []Row
		Compact bool
		Stacked bool // a key stands above its value: for long names in a narrow column
	}
	// Tasks is a task list.
	Tasks struct{ Items []Task }
	// Cards is a row of cards.
	Cards struct{ Items []Card }
	// Figures is a row of large numbers.
	Figures struct{ Items []Figure }
	// Meters is a row of meters.
	Meters struct{ Items []Meter }
	// Timeline is a history, newest first.
	Timeline struct{ Items []Entry }
	// Empty says that there is nothing yet and how to change that.
	Empty struct {
		Text   string
		Button *Button
	}
	// Apps are the large buttons that open a workspace.
	Apps struct{ Items []App }
	// Findings are what the automatic checks found.
	Findings struct{ Items []Finding }
	// Comments is a conversation, oldest first.
	Comments struct{ Items []CommentItem }
	// Phase says which phase a review is in and what others can see.
	Phase struct{ Text string }
	// Review is the page of an output checker: files, the file in hand, and
	// what else is needed to decide. View is the address of the file on the
	// viewer's own origin; it is framed without scripts.
	Review struct {
		Files    []ReviewFile
		File     string
		Facts    string
		Checks   Tag
		View     string
		NoView   string
		Compare  []Link // what the file can be held against
		Beside   string // the address of what it is held against
		Against  string // its name
		Findings []Finding
		Under    []Block // below the findings
		Side     []Block
	}
	// Viewer frames one untrusted file.
	Viewer struct{ Title, Src string }
	// Pager leads to the previous and next page of a list.
	Pager struct{ Previous, Next, Summary string }
	// Search is one search field that reads.
	Search struct{ Action, Label, Value string }
	// Results is the catalogue's list, with facets beside it.
	Results struct {
		Action string
		Query  string
		Facets []Facet
		Items  []Result
		Count  string
		Empty  *Empty
	}
)

// Row is one line of a Summary. The first value that is set is shown.
type Row struct {
	Key    string
	Text   string
	Lines  []string
	Tag    *Tag
	Link   *Link
	Said   string
	Change *Link
}

// HasActions reports whether any row can be changed.
func (s Summary) HasActions() bool {
	for _, r := range s.Rows {
		if r.Change != nil {
			return true
		}
	}
	return false
}

// Task is one line of a task list.
type Task struct {
	Text string
	Hint string
	Href string
	Tag  Tag
}

// Card is one thing of several.
type Card struct {
	Head  string
	Href  string
	Tag   *Tag
	Lines []string
	Foot  string
}

// Figure is one large number.
type Figure struct{ Number, Unit, Text string }

// Meter is how much of something is used. Text says it in words.
type Meter struct {
	Label   string
	Value   float64
	Max     float64
	High    float64 // above this it is bad; 0 is never
	Text    string
	Note    string
	Percent bool // draw as progress of a task
}

// Entry is one event of a history.
type Entry struct {
	When string
	Who  string
	Text string
	Said string
	Link *Link
}

// App is one way into a workspace.
type App struct{ Name, Text, Href, Off string }

// Facet is a group of choices that narrow a list.
type Facet struct {
	Name, Label string
	Options     []Option
}

// Result is one thing found.
type Result struct {
	Head, Href, Text string
	Tags             []Tag
	Meta             []string
}

// Finding is one finding with its place and its repair. Look is fail, review,
// info or pass.
type Finding struct {
	Number, Look, Where, Says, Repair, Rule string
	Sum                                     string // figures that add up and subtract to a few people, for whoever may know them
	Tag                                     Tag
}

// CommentItem is one remark.
type CommentItem struct {
	Who, When, Where, Note, Text string
	Reply                        bool   // it answers the one before it
	Resolved                     string // by whom and when, if it is dealt with
	ID                           string
	Buttons                      []Button
}

// ReviewFile is one file of the list beside the review.
type ReviewFile struct {
	Group            string // a heading above it, where a group begins
	Href, Name, Note string
	Tag              Tag
	Current          bool
}

func (Findings) block() string { return "findings" }
func (Comments) block() string { return "comments" }
func (Phase) block() string    { return "phase" }
func (Review) block() string   { return "review" }
func (Viewer) block() string   { return "viewer" }
func (Head2) block() string    { return "head2" }
func (Head3) block() string    { return "head3" }
func (Text) block() string     { return "text" }
func (Said) block() string     { return "said" }
func (Inset) block() string    { return "inset" }
func (Warning) block() string  { return "warning" }
func (Bullets) block() string  { return "bullets" }
func (Links) block() string    { return "links" }
func (Prose) block() string    { return "prose" }
func (Code) block() string     { return "code" }
func (Details) block() string  { return "details" }
func (Columns) block() string  { return "columns" }
func (Part) block() string     { return "part" }
func (Actions) block() string  { return "actions" }
func (Summary) block() string  { return "summary" }
func (Tasks) block() string    { return "tasks" }
func (Cards) block() string    { return "cards" }
func (Figures) block() string  { return "figures" }
func (Meters) block() string   { return "meters" }
func (Timeline) block() string { return "timeline" }
func (Empty) block() string    { return "empty" }
func (Apps) block() string     { return "apps" }
func (Pager) block() string    { return "pager" }
func (Search) block() string   { return "search" }
func (Results) block() string  { return "results" }
