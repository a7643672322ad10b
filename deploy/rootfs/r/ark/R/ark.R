# Ark in a workspace, for R: ark.read and ark.sql give data.frames; ark.table and ark.model compute
# in a program of the Ark, give a data.frame, and write the output with NAME.ark.json, which says
# how it was made, into the outbox. Submit both.

at <- function(variable, path) { x <- Sys.getenv(variable); if (nzchar(x)) x else path }
extract <- function() at("ARK_EXTRACT", "/workspace/extract")
outbox <- function() at("ARK_OUTBOX", "/workspace/outbox")
program <- function() at("ARK_PROGRAM", "/ark/ark")

run <- function(args) {
  said <- tempfile()
  on.exit(unlink(said))
  out <- suppressWarnings(system2(program(), vapply(args, shQuote, ""), stdout = TRUE, stderr = said))
  status <- attr(out, "status")
  if (!is.null(status) && status > 1) stop(paste(sub("^ark: ", "", readLines(said)), collapse = " "), call. = FALSE)
  out
}

from <- function(frame, how) { attr(frame, "ark") <- c(how, list(rows = nrow(frame), names = names(frame))); frame }

ark.sql <- function(query) {
  out <- run(c("records", query, "--microdata", extract()))
  from(utils::read.csv(text = out, check.names = FALSE), list(query = query))
}

ark.read <- function(name) {
  frame <- ark.sql(paste0("select * from \"", gsub("\"", "\"\"", name), "\""))
  from(frame, list(data = name))
}

# What a specification says of the records: a table's name, or a frame as it was read.
how <- function(data) {
  if (is.null(data)) return(list())
  if (is.character(data)) return(list(data = unbox(data)))
  h <- attr(data, "ark")
  if (is.null(h)) stop("this frame did not come from ark.read or ark.sql, so that the airlock could not make it again", call. = FALSE)
  fresh <- if (is.null(h$query)) ark.read(h$data) else ark.sql(h$query)
  if (!isTRUE(all.equal(fresh, data, check.attributes = FALSE))) stop("this frame was changed since it was read: say the change in the query of ark.sql, or as where", call. = FALSE)
  if (is.null(h$query)) list(data = unbox(h$data)) else list(query = unbox(h$query))
}

make <- function(spec, out, profile) {
  folder <- tempfile()
  dir.create(folder)
  on.exit(unlink(folder, recursive = TRUE))
  at <- file.path(folder, "spec.json")
  writeLines(toJSON(c(list(ark = unbox(1L)), Filter(Negate(is.null), spec)), digits = NA), at)
  path <- if (is.null(out)) file.path(folder, "table.csv") else file.path(outbox(), basename(out))
  run(c("table", at, "--microdata", extract(), "--out", path, if (!is.null(profile)) c("--profile", profile)))
  if (!file.exists(path)) stop("the table was not made", call. = FALSE)
  utils::read.csv(path, check.names = FALSE)
}

one <- function(x) if (is.null(x)) NULL else unbox(x)

ark.table <- function(data, rows, cols = character(), values = NULL, stats = NULL, where = NULL, weights = NULL,
                      margins = FALSE, rounding = NULL, out = NULL, profile = "ark") {
  if (!is.null(values) && is.null(stats)) stats <- "mean"
  make(c(how(data), list(kind = unbox("crosstab"), rows = as.character(rows), cols = as.character(cols), values = one(values),
    aggfunc = if (is.null(stats)) NULL else unbox(paste(stats, collapse = ",")), margins = unbox(margins), filter = one(where),
    weights = one(weights), rounding = if (is.null(rounding)) NULL else list(base = unbox(as.integer(rounding))))), out, profile)
}

# ark.model("logistic", died ~ age + sex, "visits"); of cox: Surv(time, event) ~ age
ark.model <- function(family, formula, data = NULL, where = NULL, weights = NULL, out = NULL) {
  terms <- attr(stats::terms(formula), "term.labels")
  left <- all.vars(formula[[2]])
  spec <- c(how(data), list(kind = unbox(family), predictors = as.character(terms), filter = one(where), weights = one(weights)))
  if (family == "cox") {
    if (length(left) != 2) stop("a cox model is written Surv(time, event) ~ a + b", call. = FALSE)
    spec$time <- unbox(left[1]); spec$event <- unbox(left[2])
  } else spec$outcome <- unbox(left[1])
  make(spec, out, NULL)
}

ark.survival <- function(time, event, by = character(), data = NULL, where = NULL, out = NULL, profile = "ark")
  make(c(how(data), list(kind = unbox("survival"), rows = as.character(by), time = unbox(time), event = unbox(event), filter = one(where))), out, profile)

ark.histogram <- function(values, edges, data = NULL, where = NULL, out = NULL, profile = "ark")
  make(c(how(data), list(kind = unbox("histogram"), values = unbox(values), edges = as.numeric(edges), filter = one(where))), out, profile)

# Draws with a function into a PNG of the outbox: ark.figure(function() plot(x), "wards.csv", "wards.png")
ark.figure <- function(draw, of, out, width = 800, height = 600) {
  if (!file.exists(file.path(outbox(), paste0(basename(of), ".ark.json")))) stop("a figure is drawn from a table that ark.table made: name its file", call. = FALSE)
  path <- file.path(outbox(), basename(out))
  grDevices::png(path, width = width, height = height, type = "cairo")
  tryCatch(draw(), finally = grDevices::dev.off())
  writeLines(toJSON(list(ark = unbox(1L), kind = unbox("figure"), of = unbox(basename(of)))), paste0(path, ".ark.json"))
  path
}

ark.check <- function(profile = "ark") {
  found <- fromJSON(paste(run(c("check", outbox(), "--profile", profile, "--microdata", extract())), collapse = "\n"), simplifyVector = FALSE)$outputs
  lines <- lapply(names(found), function(n) {
    fs <- found[[n]]$findings
    if (length(fs) == 0) fs <- list(list(says = "", repair = ""))
    do.call(rbind, lapply(fs, function(f) data.frame(file = n, verdict = found[[n]]$verdict, says = f$says, repair = if (is.null(f$repair)) "" else f$repair)))
  })
  do.call(rbind, lines)
}
