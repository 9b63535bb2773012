package clinical

import (
	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstype"
)

// SampleKnowledge is a small base of facts that every textbook has, for tests and demonstrations: penicillins,
// cephalosporins, sulfonamides, some painkillers, blood thinners and a few more. It is not fit for care: a host loads
// what it licenses.
func SampleKnowledge() LoadKnowledgeInput {
	in := LoadKnowledgeInput{Name: "hms sample", Edition: "1"}
	for _, s := range []struct {
		substance, atc string
		classes, names []string
	}{
		{"amoxicillin", "J01CA04", []string{"penicillins"}, []string{"amoxil"}},
		{"ampicillin", "J01CA01", []string{"penicillins"}, nil},
		{"benzylpenicillin", "J01CE01", []string{"penicillins"}, []string{"penicillin g"}},
		{"phenoxymethylpenicillin", "J01CE02", []string{"penicillins"}, []string{"penicillin v"}},
		{"flucloxacillin", "J01CF05", []string{"penicillins"}, nil},
		{"cefalexin", "J01DB01", []string{"cephalosporins"}, nil},
		{"cefuroxime", "J01DC02", []string{"cephalosporins"}, nil},
		{"ceftriaxone", "J01DD04", []string{"cephalosporins"}, nil},
		{"sulfamethoxazole", "J01EC01", []string{"sulfonamide antibiotics"}, []string{"co-trimoxazole"}},
		{"acetylsalicylic acid", "N02BA01", []string{"nsaids", "antiplatelets"}, []string{"aspirin"}},
		{"ibuprofen", "M01AE01", []string{"nsaids"}, nil},
		{"diclofenac", "M01AB05", []string{"nsaids"}, nil},
		{"clopidogrel", "B01AC04", []string{"antiplatelets"}, nil},
		{"warfarin", "B01AA03", []string{"vitamin k antagonists"}, nil},
		{"paracetamol", "N02BE01", nil, []string{"acetaminophen"}},
		{"simvastatin", "C10AA01", []string{"statins"}, nil},
		{"atorvastatin", "C10AA05", []string{"statins"}, nil},
		{"clarithromycin", "J01FA09", []string{"macrolides"}, nil},
		{"sildenafil", "G04BE03", nil, nil},
		{"glyceryl trinitrate", "C01DA02", []string{"nitrates"}, []string{"nitroglycerin"}},
	} {
		in.Terms = append(in.Terms, DrugTerm{Concept: s.substance, System: hmstype.SystemATC, Term: s.atc})
		for _, name := range s.names {
			in.Terms = append(in.Terms, DrugTerm{Concept: s.substance, Term: name})
		}
		for _, class := range s.classes {
			in.Relations = append(in.Relations, DrugRelation{Kind: RelationMember, Concept: s.substance, Other: class})
		}
	}
	in.Terms = append(in.Terms, DrugTerm{Concept: "nsaids", Term: "non-steroidal anti-inflammatory drugs"},
		DrugTerm{Concept: "sulfonamide antibiotics", Term: "sulfonamides"})
	in.Relations = append(in.Relations,
		DrugRelation{Kind: RelationMember, Concept: "penicillins", Other: "beta-lactams"},
		DrugRelation{Kind: RelationMember, Concept: "cephalosporins", Other: "beta-lactams"})
	say := func(kind RelationKind, concept, other string, severity hmstype.Severity, note string) {
		in.Relations = append(in.Relations,
			DrugRelation{Kind: kind, Concept: concept, Other: other, Severity: severity, Note: note})
	}
	say(RelationCrossReactive, "penicillins", "penicillins", hmstype.SeverityHigh, "the same core molecule")
	say(RelationCrossReactive, "cephalosporins", "cephalosporins", hmstype.SeverityModerate, "side chains are alike")
	say(RelationCrossReactive, "penicillins", "cephalosporins", hmstype.SeverityModerate, "seldom, by a like side chain")
	say(RelationCrossReactive, "nsaids", "nsaids", hmstype.SeverityHigh, "asthma and hives by the whole class")
	say(RelationInteracts, "vitamin k antagonists", "nsaids", hmstype.SeverityHigh, "bleeding")
	say(RelationInteracts, "vitamin k antagonists", "antiplatelets", hmstype.SeverityHigh, "bleeding")
	say(RelationInteracts, "statins", "macrolides", hmstype.SeverityHigh, "muscle damage")
	say(RelationInteracts, "sildenafil", "nitrates", hmstype.SeverityHigh, "blood pressure falls")
	say(RelationInteracts, "penicillins", "vitamin k antagonists", hmstype.SeverityLow, "INR may rise: check it")
	say(RelationDuplicate, "nsaids", "", hmstype.SeverityModerate, "two of the class add harm and no effect")
	say(RelationDuplicate, "statins", "", hmstype.SeverityModerate, "one of the class is enough")
	for _, d := range []struct {
		substance     string
		single, daily int64
	}{{"paracetamol", 1000, 4000}, {"ibuprofen", 800, 2400}, {"amoxicillin", 3000, 6000}} {
		in.Relations = append(in.Relations, DrugRelation{
			Kind: RelationDose, Concept: d.substance, Severity: hmstype.SeverityHigh, Note: "the most for an adult",
			MaxSingleMg: decimal.NewFromInt(d.single), MaxDailyMg: decimal.NewFromInt(d.daily),
		})
	}
	return in
}
