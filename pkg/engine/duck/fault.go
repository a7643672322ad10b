package duck

import (
	"context"
	"errors"
	"strings"

	"github.com/marcboeker/go-duckdb"

	"github.com/ark-tre/ark/pkg/ark"
)

// says is what a user is told of an engine error whose own text may hold
// values of rows. Classes that aren't here are ours to mend.
var says = map[duckdb.ErrorType]struct {
	kind         ark.Kind
	says, remedy string
}{
	duckdb.ErrorTypeConversion:     {ark.Invalid, "a value can't be read as the type asked for", "TRY_CAST gives NULL instead"},
	duckdb.ErrorTypeOutOfRange:     {ark.Invalid, "a number or date leaves the range of its type", "cast to a wider type, such as DOUBLE or HUGEINT"},
	duckdb.ErrorTypeInvalidInput:   {ark.Invalid, "a function was given a value it can't take", "check its arguments; TRY_CAST and CASE help to leave such rows out"},
	duckdb.ErrorTypeMismatchType:   {ark.Invalid, "two types don't go together", "cast one of them"},
	duckdb.ErrorTypeInvalidType:    {ark.Invalid, "a type can't be used there", "cast the value"},
	duckdb.ErrorTypeDivideByZero:   {ark.Invalid, "a division by zero", "use NULLIF(x, 0)"},
	duckdb.ErrorTypeConstraint:     {ark.Invalid, "a row breaks a constraint of its table", ""},
	duckdb.ErrorTypeDecimal:        {ark.Invalid, "a decimal does not fit", "cast to a wider DECIMAL or DOUBLE"},
	duckdb.ErrorTypeObjectSize:     {ark.TooMuch, "a value is too large", ""},
	duckdb.ErrorTypeOutOfMemory:    {ark.TooMuch, "the query needs more memory than it may have", "take fewer columns or rows, or aggregate in steps"},
	duckdb.ErrorTypePermission:     {ark.Forbidden, "that is shut here: queries reach no files, network, extensions or settings", "query the tables of the extract; save results through the outbox"},
	duckdb.ErrorTypeIO:             {ark.Forbidden, "that is shut here: queries reach no files", "query the tables of the extract; save results through the outbox"},
	duckdb.ErrorTypeHTTP:           {ark.Forbidden, "that is shut here: queries reach no network", ""},
	duckdb.ErrorTypeTransaction:    {ark.Conflict, "the transaction can't go on", "ROLLBACK and begin again"},
	duckdb.ErrorTypeNotImplemented: {ark.Invalid, "the engine can't do that", ""},
	duckdb.ErrorTypeSerialization:  {ark.Invalid, "the result can't be written in that form", ""},
	duckdb.ErrorTypeDependency:     {ark.Conflict, "something else depends on it", ""},
	duckdb.ErrorTypeSequence:       {ark.Invalid, "a sequence has no more values", ""},

	duckdb.ErrorTypeMissingExtension:     {ark.Forbidden, "that needs an extension, and none can be loaded here", ""},
	duckdb.ErrorTypeAutoLoad:             {ark.Forbidden, "that needs an extension, and none can be loaded here", ""},
	duckdb.ErrorTypeInvalidConfiguration: {ark.Forbidden, "settings can't be changed here", ""},
}

// fault turns an engine error into what a user may see. The text of the engine
// is kept only for errors in the SQL itself (its words, names and types), and
// there only those quoted parts that the user wrote or the schema holds.
func fault(ctx context.Context, err error, sql string, names map[string]bool) *ark.Fault {
	var own *ark.Fault
	if errors.As(err, &own) {
		return own
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, context.DeadlineExceeded):
		return ark.Faultf(ark.TooMuch, "the query took longer than it may").Do("ask for less at a time")
	case cause != nil:
		return ark.Faultf(ark.Conflict, "the query was stopped")
	}
	var e *duckdb.Error
	if !errors.As(err, &e) {
		return ark.Faultf(ark.Internal, "the query engine failed").Because(errors.New("unclassified"))
	}
	switch e.Type {
	case duckdb.ErrorTypeParser, duckdb.ErrorTypeSyntax, duckdb.ErrorTypeBinder, duckdb.ErrorTypeCatalog, duckdb.ErrorTypeExpression, duckdb.ErrorTypeParameterNotResolved:
		return ark.Faultf(ark.Invalid, "%s", scrub(e.Msg, sql, names)).Because(errors.New(class(e)))
	case duckdb.ErrorTypeInterrupt:
		return ark.Faultf(ark.Conflict, "the query was stopped")
	}
	s, ok := says[e.Type]
	if !ok {
		return ark.Faultf(ark.Internal, "the query engine failed").Because(errors.New(class(e)))
	}
	return ark.Faultf(s.kind, "%s", s.says).Do(s.remedy).Because(errors.New(class(e)))
}

// class is the part of an engine's message that names its kind.
func class(e *duckdb.Error) string {
	if at := strings.Index(e.Msg, ":"); at > 0 && at < 40 {
		return e.Msg[:at]
	}
	return "unnamed"
}

// scrub keeps the first paragraph of an engine's message, with every quoted
// part replaced that neither the SQL nor the schema holds.
func scrub(msg, sql string, names map[string]bool) string {
	if at := strings.Index(msg, "\nLINE "); at >= 0 { // the excerpt is of the SQL as we wrapped it
		msg = msg[:at]
	}
	msg = strings.TrimSpace(msg)
	var b strings.Builder
	for i := 0; i < len(msg); i++ {
		c := msg[i]
		if c != '"' && c != '\'' && c != '`' {
			b.WriteByte(c)
			continue
		}
		end := strings.IndexByte(msg[i+1:], c)
		if end < 0 { // an odd quote: nothing after it can be judged
			b.WriteString("…")
			break
		}
		part := msg[i+1 : i+1+end]
		if !known(part, sql, names) {
			part = "…"
		}
		b.WriteString(string(c) + part + string(c))
		i += end + 1
	}
	return b.String()
}

func known(part, sql string, names map[string]bool) bool {
	if part == "" || names[strings.ToLower(part)] || strings.Contains(strings.ToLower(sql), strings.ToLower(part)) {
		return true
	}
	dots := strings.Split(part, ".") // a qualified name
	for _, d := range dots {
		if !names[strings.ToLower(d)] {
			return false
		}
	}
	return len(dots) > 1
}
