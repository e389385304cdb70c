"""Drug names: what a transcript must get right, for hearing, correcting and reporting alike."""

_GENERIC_NAMES = (
    "acamprosate acetaminophen agomelatine albuterol alprazolam amisulpride amitriptyline amlodipine amoxicillin aripiprazole aspirin "
    "asenapine atenolol atomoxetine atorvastatin azithromycin baclofen brexpiprazole buprenorphine bupropion buspirone carbamazepine "
    "cariprazine carvedilol cephalexin cetirizine chlordiazepoxide chlorpromazine ciprofloxacin citalopram clobazam clomipramine "
    "clonazepam clonidine clozapine codeine cyclobenzaprine desvenlafaxine dexamphetamine diazepam diclofenac digoxin diphenhydramine "
    "disulfiram divalproex donepezil doxepin doxycycline duloxetine escitalopram esketamine eszopiclone etizolam flunarizine fluoxetine "
    "flupentixol fluphenazine fluticasone fluvoxamine furosemide gabapentin glipizide guanfacine haloperidol hydrochlorothiazide "
    "hydrocodone hydroxyzine ibuprofen imipramine insulin ketamine lamotrigine levetiracetam levothyroxine lisdexamfetamine lisinopril "
    "lithium loratadine lorazepam losartan lurasidone melatonin meloxicam memantine metformin methadone methotrexate methylphenidate "
    "metoprolol mirtazapine modafinil montelukast morphine naltrexone naproxen nortriptyline olanzapine omeprazole oxazepam "
    "oxcarbazepine oxycodone paliperidone pantoprazole paracetamol paroxetine penicillin perphenazine phenytoin pramipexole prazosin "
    "prednisone pregabalin procyclidine promethazine propranolol quetiapine ramelteon ramipril risperidone rosuvastatin sertraline "
    "sildenafil simvastatin spironolactone sulpiride sumatriptan tapentadol temazepam topiramate tramadol tranylcypromine trazodone "
    "trifluoperazine trihexyphenidyl valproate varenicline venlafaxine vilazoxine vilazodone vortioxetine warfarin zaleplon ziprasidone "
    "zolpidem zopiclone zuclopenthixol "
    "benztropine lumateperone"
)
_BRAND_NAMES = (
    "abilify adderall advil aleve ambien ativan buspar celexa concerta coumadin cymbalta depakote effexor epival haldol klonopin lamictal "
    "lasix latuda lexapro lipitor luvox lyrica mobic motrin neurontin nexito norvasc paxil plavix pristiq prozac remeron rexulti risperdal "
    "ritalin seroquel strattera suboxone synthroid tegretol trileptal tylenol ultram valium vraylar vyvanse wellbutrin xanax zoloft "
    "zyprexa truvada antabuse caplyta chantix clozaril cogentin concerta geodon inderal invega lunesta pamelor restoril saphris "
    "spravato trintellix vistaril vivitrol"
)
BRANDS = frozenset(_BRAND_NAMES.split())
DRUGS = BRANDS | frozenset(_GENERIC_NAMES.split())
# A brand and its generic name are the same drug.
SAME_DRUG = {
    "abilify": "aripiprazole",
    "ativan": "lorazepam",
    "celexa": "citalopram",
    "cymbalta": "duloxetine",
    "effexor": "venlafaxine",
    "klonopin": "clonazepam",
    "lamictal": "lamotrigine",
    "lasix": "furosemide",
    "lexapro": "escitalopram",
    "luvox": "fluvoxamine",
    "mobic": "meloxicam",
    "motrin": "ibuprofen",
    "advil": "ibuprofen",
    "neurontin": "gabapentin",
    "paxil": "paroxetine",
    "prozac": "fluoxetine",
    "remeron": "mirtazapine",
    "risperdal": "risperidone",
    "seroquel": "quetiapine",
    "tylenol": "acetaminophen",
    "paracetamol": "acetaminophen",
    "ultram": "tramadol",
    "valium": "diazepam",
    "wellbutrin": "bupropion",
    "xanax": "alprazolam",
    "zoloft": "sertraline",
    "zyprexa": "olanzapine",
    "haldol": "haloperidol",
    "depakote": "divalproex",
    "ambien": "zolpidem",
    "vivitrol": "naltrexone",
    "vistaril": "hydroxyzine",
    "trintellix": "vortioxetine",
    "spravato": "esketamine",
    "saphris": "asenapine",
    "restoril": "temazepam",
    "pamelor": "nortriptyline",
    "lunesta": "eszopiclone",
    "invega": "paliperidone",
    "inderal": "propranolol",
    "geodon": "ziprasidone",
    "ritalin": "methylphenidate",
    "concerta": "methylphenidate",
    "cogentin": "benztropine",
    "clozaril": "clozapine",
    "chantix": "varenicline",
    "caplyta": "lumateperone",
    "antabuse": "disulfiram",
}


def drug_name(word: str) -> str:
    """Return the generic name of a drug word."""
    return SAME_DRUG.get(word, word)
