package measure

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/intake"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/worker"
	"github.com/ark-tre/ark/workspace"
	"github.com/ark-tre/ark/workspace/cut"
)

// wideContract has twenty typed rules over twelve fields.
const wideContract = `
contract: wide
version: 1.0.0
title: Twenty typed rules
declared: synthetic
format: {kind: csv}
delivers: changes
code_lists:
  unit: {version: "1", codes: {mmol/L: x, umol/L: x, g/L: x}}
tables:
  - name: results
    key: [result_id]
    person: [patient_id]
    fields:
      - {name: result_id, type: string, to: none, max_length: 12}
      - {name: patient_id, type: string, to: none, max_length: 12}
      - {name: reported_on, type: date, to: payload, required: true, min: "2000-01-01", max: today}
      - {name: collected_on, type: date, to: payload, required: true, min: "2000-01-01", max: today}
      - {name: code, type: string, to: payload, required: true, min_length: 4, max_length: 10}
      - {name: value, type: number, to: payload, required: true, min: "0", max: "5000"}
      - {name: low, type: number, to: payload, min: "0"}
      - {name: high, type: number, to: payload, max: "9000"}
      - {name: unit, type: code, to: payload, required: true, codes: unit}
      - {name: repeats, type: integer, to: payload, min: "0", max: "9"}
      - {name: urgent, type: boolean, to: payload}
      - {name: note, type: string, to: payload, max_length: 20}
    rules:
      - {id: reported-after-collection, says: reported before it was collected, require: "reported_on >= collected_on"}
      - {id: range-in-order, says: the range is upside down, require: "low <= high"}
`

const fhirContract = `
contract: encounters
version: 1.0.0
title: Encounters
declared: synthetic
format: {kind: fhir-ndjson}
delivers: changes
tables:
  - name: encounters
    resource: Encounter
    key: [encounter_id]
    person: [patient_id]
    fields:
      - {name: encounter_id, path: id, type: string, to: none, max_length: 64}
      - {name: patient_id, path: subject.reference, type: string, to: none, max_length: 64}
      - {name: class, path: class.code, type: string, to: payload, max_length: 8}
      - {name: type, path: "type.coding.code", type: string, to: payload, pattern: "[0-9]{6,18}"}
      - {name: started_at, path: period.start, type: datetime, to: payload, required: true, min: "1900-01-01", max: today}
      - {name: ended_at, path: period.end, type: datetime, to: payload, min: "1900-01-01", max: today}
`

const narrative = `<div xmlns=\"http://www.w3.org/1999/xhtml\">Encounter for symptom, recorded in the course of ordinary care; this narrative is read by nobody and goes nowhere, as do the participants, locations and extensions beside it.</div>`

func wideRow(i int) string {
	return fmt.Sprintf("%010d,%08d,2023-%02d-%02d,2023-%02d-01,14682-9,%d.%d,%d,%d,umol/L,%d,%d,n%d\n",
		i*7919%10_000_000_000, i%60_000, i%12+1, i%27+2, i%12+1, 40+i%400, i%10, 30+i%20, 90+i%40, i%10, i%2, i%3000)
}

func encounter(i int) string {
	return fmt.Sprintf(`{"resourceType":"Encounter","id":"e%010d","text":{"status":"generated","div":"%s"},"status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},"type":[{"coding":[{"system":"http://snomed.info/sct","code":"%d","display":"Encounter for symptom"}],"text":"Encounter for symptom"}],"subject":{"reference":"Patient/p%08d","display":"Somebody"},"participant":[{"individual":{"reference":"Practitioner/%d"}}],"period":{"start":"2023-%02d-%02dT08:30:00Z","end":"2023-%02d-%02dT08:45:00Z"},"serviceProvider":{"reference":"Organization/%d"}}`+"\n",
		i*7919%10_000_000_000, narrative, 162673000+i%50, i%60_000, i%900, i%12+1, i%28+1, i%12+1, i%28+1, i%40)
}

// lines writes a text of rows and its manifest entry.
func (s *shop) lines(name, table, header string, rows int, line func(int) string) (intake.ManifestFile, error) {
	f, err := os.Create(filepath.Join(s.dir, name))
	if err != nil {
		return intake.ManifestFile{}, err
	}
	defer f.Close()
	h := sha256.New()
	w := bufio.NewWriterSize(f, 1<<20)
	put := func(text string) { w.WriteString(text); h.Write([]byte(text)) }
	put(header)
	for i := range rows {
		put(line(i))
	}
	if err := w.Flush(); err != nil {
		return intake.ManifestFile{}, err
	}
	return intake.ManifestFile{Name: name, Table: table, Rows: int64(rows), SHA256: hex.EncodeToString(h.Sum(nil))}, f.Close()
}

// prepareDelivery writes and lands a delivery of one file.
func (s *shop) prepareDelivery(ctx context.Context, name, table, header string, rows int, line func(int) string) error {
	m, err := s.lines(name, table, header, rows, line)
	if err != nil {
		return err
	}
	manifest := intake.Manifest{Source: "bench", Delivery: "d1", Files: []intake.ManifestFile{m}}
	if s.State.Refs[name], err = s.land(ctx, name, filepath.Join(s.dir, name)); err != nil {
		return err
	}
	s.State.Refs[name+" manifest"], err = s.landText(ctx, name+".manifest", manifest)
	return err
}

func (s *shop) takeIn(ctx context.Context, name, contract string) error {
	// Each round is a delivery of its own: what was stored before is not stored again.
	job := catalogue.IntakeJob{Delivery: fmt.Sprintf("dlv_%s_%d", table(name), time.Now().UnixNano()), DeliveryName: "d1", Source: "bench", Number: 1, Contract: contract, Received: time.Now(),
		Files: []catalogue.DeliveredFile{{Name: name, Ref: s.State.Refs[name]}, {Name: "manifest.json", Ref: s.State.Refs[name+" manifest"]}}}
	var res catalogue.IntakeResult
	if err := s.do(ctx, "intake", "intake", job, &res); err != nil {
		return err
	}
	if res.Blocked != "" || res.Counts.Accepted != res.Counts.Read || res.Counts.Read == 0 {
		return ark.Faultf(ark.Internal, "the delivery was not taken in whole: %s", res.Blocked)
	}
	return nil
}

func table(file string) string { return file[:len(file)-len(filepath.Ext(file))] }

const (
	visitsPerPerson = 40
	org             = "org_00000000000070008000000000000001"
)

var payloadShape = columnar.Schema{{Name: "record_key", Type: cell.String}, {Name: "person_record_key", Type: cell.String}, {Name: "code", Type: cell.String, Nullable: true},
	{Name: "day", Type: cell.Date, Nullable: true}, {Name: "value", Type: cell.Float64, Nullable: true}, {Name: "unit", Type: cell.String, Nullable: true}}

// key is a record key of the form that intake gives, in the order of n.
func key(prefix byte, n uint64) string {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	b := []byte("A000000000000000")
	b[0] = prefix
	for i := 15; n > 0; i-- {
		b[i] = alphabet[n&31]
		n >>= 5
	}
	return string(b)
}

// prepareVersion makes a payload table, a person index and persons as intake
// and linkage would.
func (s *shop) prepareVersion(ctx context.Context, rows int) (err error) {
	people := max(rows/visitsPerPerson, 1)
	units := []string{"mmol/L", "umol/L", "g/L"}
	s.State.Refs["payload"], err = s.table(ctx, objects.Payload, worker.PayloadKey, "bench/visits.parquet", "payload.parquet", payloadShape, rows, func(i int, v []columnar.Value) {
		p := uint64(i) * 2654435761 % uint64(people)
		v[0], v[1], v[2] = cell.Str(key('A', uint64(i))), cell.Str(key('P', p)), cell.Str(fmt.Sprintf("%d-%d", 10000+i%700, i%10))
		v[3], v[4], v[5] = cell.Day(int32(18000+i%1500)), cell.Float(float64(i%4000)/10), cell.Str(units[i%3])
	})
	if err != nil {
		return err
	}
	s.State.Refs["index"], err = s.table(ctx, objects.Index, worker.IndexKey, "bench/index.parquet", "", columnar.Schema{{Name: "person_record_key", Type: cell.String}, {Name: "person_id", Type: cell.String}}, people,
		func(i int, v []columnar.Value) {
			v[0], v[1] = cell.Str(key('P', uint64(i))), cell.Str("I"+key('0', uint64(i))[4:])
		})
	if err != nil {
		return err
	}
	s.State.Refs["persons"], err = s.table(ctx, objects.Index, worker.IndexKey, "bench/persons.parquet", "", columnar.Schema{{Name: "person_id", Type: cell.String}, {Name: "year_of_birth", Type: cell.Int64, Nullable: true}, {Name: "sex", Type: cell.String, Nullable: true}}, people,
		func(i int, v []columnar.Value) {
			v[0], v[1], v[2] = cell.Str("I"+key('0', uint64(i))[4:]), cell.Int(int64(1930+i%80)), cell.Str([]string{"F", "M"}[i%2])
		})
	return err
}

var (
	visitVariables = []catalogue.Variable{{Name: "code", Type: "string", Transform: "keep"}, {Name: "day", Type: "date", Transform: "keep"}, {Name: "value", Type: "number", Transform: "keep"}, {Name: "unit", Type: "string", Transform: "keep"}}
	people         = catalogue.Table{Name: "person", Variables: []catalogue.Variable{{Name: "year_of_birth", Type: "integer", Transform: "keep"}, {Name: "sex", Type: "string", Transform: "keep"}}}
)

func (s *shop) publish(ctx context.Context) error {
	visits := catalogue.Table{Name: "visits", From: []catalogue.Origin{{Source: "bench", Table: "visits"}}, Variables: visitVariables}
	job := catalogue.PublishJob{Version: fmt.Sprintf("ver_%032d", time.Now().UnixNano()), Number: 1, Linkage: "lnk_1", Dataset: catalogue.Dataset{Slug: "bench", Profile: "ark", Tables: []catalogue.Table{people, visits}},
		Inputs: []catalogue.PublishInput{{Table: "visits", Source: "bench", Org: org, Origin: "visits", Delivery: "dlv_1", Number: 1, Ref: s.State.Refs["payload"]}},
		Index:  s.State.Refs["index"], Persons: s.State.Refs["persons"]}
	var res catalogue.PublishResult
	if err := s.do(ctx, "publish", "publish", job, &res); err != nil {
		return err
	}
	if res.Failed != "" {
		return ark.Faultf(ark.Internal, "publishing failed: %s", res.Failed)
	}
	for _, t := range res.Tables {
		s.State.Refs["version "+t.Name] = t.Ref
	}
	return nil
}

// cut takes the tenth of the people born in eight of eighty years.
func (s *shop) cut(ctx context.Context) error {
	c := catalogue.Cut{Slug: "bench", Version: "ver_1", Profile: "ark", Tables: []catalogue.CutTable{
		{Name: "person", Ref: s.State.Refs["version person"], Variables: people.Variables, Filter: "year_of_birth BETWEEN 1940 AND 1947"},
		{Name: "visits", Ref: s.State.Refs["version visits"], Variables: visitVariables}}}
	shop := cut.Shop{Objects: s.bench.Objects, Keys: s.bench.Keys, Tmp: s.bench.Tmp, Database: func(_ context.Context, _ string, _ map[string]string, out string) error {
		return os.WriteFile(out, nil, 0o600) // the database that workspaces attach is built by the rival itself
	}}
	res, err := shop.Cut(ctx, workspace.CutJob{Extract: fmt.Sprintf("ext_%d", time.Now().UnixNano()), Project: "prj_00000000000070008000000000000001", Permit: "prm_1", PermitHash: "h", OptOut: "exempt", Cuts: []catalogue.Cut{c}})
	if err == nil && (res.Failed != "" || len(res.Tables) != 2) {
		err = ark.Faultf(ark.Internal, "the cut failed: %s", res.Failed)
	}
	return err
}
