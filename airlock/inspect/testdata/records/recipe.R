# Rscript recipe.R, after recipe.py
some <- as.matrix(read.csv("records.csv", header=FALSE))[c(6, 78, 1501, 3000), ]
dimnames(some) <- NULL
saveRDS(list(bias=some), "matrix.rds")
saveRDS(list(a=some[,1], b=some[,2], c=some[,3], d=some[,4], e=some[,5]), "beside.rds")
saveRDS(as.list(some[1,]), "one.rds")
saveRDS(coef(lm(V1 ~ V2 + V3, read.csv("records.csv", header=FALSE))), "harmless-coef.rds")
