package worker

import (
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/durable"
)

// Check says where requests to the national opt-out check go: a folder that a
// MESH client empties. The zero Check asks nobody.
type Check struct {
	Mailbox string // ours: it begins each file's name
	To      string // the service's
	Outbox  string // the client's folder; this role may write to it
}

// checkWorkflow names the national check to the MESH client. Source: Check for
// National Data Opt-outs Service, NHS England.
const checkWorkflow = "SPINE_NTT_UPHOLDING"

// ask writes every NHS number held as a request to the national check: one a
// line, a comma after it, line feeds only, in a file named by mailbox, day and a
// number of four digits, and beside it, once that is whole, the control file
// that has the client send it. Both are for this role and its group alone. The
// same linkage asks the same.
func (c Check) ask(job catalogue.LinkJob, numbers map[string]bool) error {
	if c.Outbox == "" || len(numbers) == 0 {
		return nil
	}
	name := fmt.Sprintf("%s-%s-%04d", c.Mailbox, job.Started.UTC().Format("020106"), job.Number%10000)
	err := c.put(name+".dat", func(w *bufio.Writer) {
		for _, n := range slices.Sorted(maps.Keys(numbers)) {
			w.WriteString(n + ",\n") // its error is kept by the writer
		}
	})
	if err != nil {
		return err
	}
	control, err := xml.MarshalIndent(dtsControl{Version: "1.0", AddressType: "DTS", MessageType: "Data", From: c.Mailbox, To: c.To,
		Subject: "Check for national data opt-outs", LocalID: name, Workflow: checkWorkflow, Compress: "Y", At: job.Started.UTC().Format(time.RFC3339)}, "", "  ")
	if err != nil {
		return err
	}
	return c.put(name+".ctl", func(w *bufio.Writer) { w.Write(append(control, '\n')) })
}

// dtsControl is the control file of a MESH client.
type dtsControl struct {
	XMLName     xml.Name `xml:"DTSControl"`
	Version     string   `xml:"Version"`
	AddressType string   `xml:"AddressType"`
	MessageType string   `xml:"MessageType"`
	From        string   `xml:"From_DTS"`
	To          string   `xml:"To_DTS"`
	Subject     string   `xml:"Subject"`
	LocalID     string   `xml:"LocalId"`
	Workflow    string   `xml:"WorkflowId"`
	Compress    string   `xml:"Compress"`
	At          string   `xml:"DateTime,omitempty"`
}

// put writes a file whole or not at all.
func (c Check) put(name string, write func(*bufio.Writer)) error {
	fault := func(err error) error {
		return ark.Faultf(ark.Unavailable, "the request to the national opt-out check could not be written").Do("let the linkage role write to the folder that optouts.outbox names").Because(err)
	}
	f, err := durable.Begin(c.Outbox, 0o660)
	if err != nil {
		return fault(err)
	}
	w := bufio.NewWriter(f)
	write(w)
	if err := w.Flush(); err != nil {
		return fault(errors.Join(err, f.Abort()))
	}
	if err := f.Replace(filepath.Join(c.Outbox, name)); err != nil {
		return fault(err)
	}
	return nil
}
