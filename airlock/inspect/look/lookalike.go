package look

// lookalike maps letters of other alphabets that read as Latin ones. Greek
// letters that science writes (α β γ μ σ χ …) are not here.
var lookalike = pairs(
	"аaвbсcԁdеeҽeһhіiјjкkӏlмmоoрpԛqгrѕsтtуyѵvԝwхxүy"+
		"АAВBСCЕEНHІIЈJКKМMОOРPЅSТTХXҮYԜWЗ3",
	"οoνvρpιiκkυu"+"ΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧX",
	"օoսuոnհhցgզqԛq",
	"ⅰiⅼlⅽcⅾdⅿmⅠIⅤVⅩXⅬLⅭCⅮDⅯM",
	"ꓐBꓑPꓒdꓓDꓔTꓖGꓗKꓙJꓚCꓜZꓝFꓟMꓠNꓡLꓢSꓣRꓦVꓧHꓪWꓫXꓬYꓮAꓰEꓲIꓳOꓴU",
)

func pairs(lists ...string) map[rune]rune {
	m := map[rune]rune{}
	for _, l := range lists {
		rs := []rune(l)
		for i := 0; i+1 < len(rs); i += 2 {
			m[rs[i]] = rs[i+1]
		}
	}
	return m
}
