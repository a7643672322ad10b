"""Opens rebuilt files in the tools people use: python opens.py ORIGINALS REBUILT

Prints a line for each file that a tool can't open, or whose table is not what it was; then how many of
each kind were opened. Soffice converts the workbooks as well, where it is installed.
"""
import ast, collections, json, os, shutil, subprocess, sys, tempfile, warnings, zipfile
warnings.simplefilter("ignore")
import lxml.etree, lxml.html, nbformat, openpyxl, pandas as pd, pypdfium2
from PIL import Image
from svglib.svglib import svg2rlg
from reportlab.graphics import renderPDF

was, now = sys.argv[1:3]
opened = collections.Counter()

def same(a, b, what):
    a, b = a.dropna(axis=1, how="all"), b.dropna(axis=1, how="all")
    if a.shape != b.shape or not (a.astype(str).map(str.strip) == b.astype(str).map(str.strip)).all().all():
        raise ValueError(f"{what} differs: {a.shape} {b.shape}")

def csv(p, o, sep=","):
    t = pd.read_csv(p, sep=sep, dtype=str, keep_default_na=False)
    if t.empty: raise ValueError("no rows")
    if o: same(pd.read_csv(o, sep=sep, dtype=str, keep_default_na=False), t, "the table")

def xlsx(p, o):
    wb = openpyxl.load_workbook(p)
    if not any(c.value is not None for ws in wb for row in ws for c in row): raise ValueError("no values")
    pd.read_excel(p)
    if o and o.endswith(".xlsx"):
        old = openpyxl.load_workbook(o, data_only=True)
        for ws in old:
            got = wb[ws.title]
            for row in ws:
                for c in row:
                    if c.value is not None and str(got[c.coordinate].value).strip() != str(c.value).strip() and not (isinstance(c.value, float) and abs(float(got[c.coordinate].value) - c.value) < 1e-9 * max(1, abs(c.value))):
                        raise ValueError(f"{ws.title}!{c.coordinate} differs")

def picture(p, o):
    with Image.open(p) as im: im.load(); size = im.size
    if o:
        with Image.open(o) as im:
            if im.size != size: raise ValueError("another size")

def svg(p, o):
    lxml.etree.parse(p)
    d = svg2rlg(p)
    if d is None: raise ValueError("nothing is drawn")
    renderPDF.drawToString(d)

def pdf(p, o):
    d = pypdfium2.PdfDocument(p)
    for page in d:
        im = page.render(scale=0.5).to_pil().convert("L")
        if im.getextrema() == (255, 255): raise ValueError("a blank page")
    if o and len(pypdfium2.PdfDocument(o)) != len(d): raise ValueError("another number of pages")
    if o and pypdfium2.PdfDocument(o)[0].get_textpage().get_text_range() != d[0].get_textpage().get_text_range(): raise ValueError("another text")

def html(p, o):
    t = open(p, encoding="utf-8").read()
    lxml.html.fromstring(t)
    if "<table" in t: pd.read_html(p)

def ipynb(p, o): nbformat.validate(nbformat.read(p, as_version=4))
def text(p, o):
    t = open(p, encoding="utf-8").read()
    if p.endswith(".py"): ast.parse(t)
def js(p, o):
    lines = open(p, encoding="utf-8").read()
    new = json.loads(lines)
    if o and json.load(open(o, encoding="utf-8")) != new: raise ValueError("another document")
def arch(p, o):
    if zipfile.ZipFile(p).testzip(): raise ValueError("damaged")

how = {"csv": csv, "tsv": lambda p, o: csv(p, o, "\t"), "xlsx": xlsx, "png": picture, "jpg": picture, "svg": svg, "pdf": pdf, "html": html, "ipynb": ipynb, "json": js, "zip": arch}
for n in sorted(os.listdir(now)):
    kind = n.rsplit(".", 1)[-1].lower()
    original = f"{was}/{n}" if os.path.exists(f"{was}/{n}") else None
    try:
        how.get(kind, text)(f"{now}/{n}", original)
        opened[kind if kind in how else "text"] += 1
    except Exception as e:
        print(f"FAILED {n}: {type(e).__name__}: {e}")
if shutil.which("soffice"):
    books = [f"{now}/{n}" for n in sorted(os.listdir(now)) if n.endswith(".xlsx")]
    with tempfile.TemporaryDirectory() as t:
        subprocess.run(["soffice", "--headless", f"-env:UserInstallation=file://{t}/profile", "--convert-to", "csv", "--outdir", t, *books], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for b in books:
            c = f"{t}/{os.path.basename(b)[:-5]}.csv"
            if not os.path.exists(c) or os.path.getsize(c) < 3: print(f"FAILED {os.path.basename(b)}: LibreOffice reads nothing")
            else: opened["xlsx by LibreOffice"] += 1
print("opened", json.dumps(opened, sort_keys=True))
