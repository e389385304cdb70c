"""Drug names: what a transcript must get right, for hearing, correcting and reporting alike."""

_GENERIC_NAMES = (
    "acamprosate acetaminophen agomelatine albuterol alprazolam amisulpride amitriptyline amlodipine amoxicillin aripiprazole asenapine "
    "aspirin atenolol atomoxetine atorvastatin azithromycin baclofen benztropine brexpiprazole buprenorphine bupropion buspirone "
    "carbamazepine cariprazine carvedilol cephalexin cetirizine chlordiazepoxide chlorpromazine ciprofloxacin citalopram clobazam "
    "clomipramine clonazepam clonidine clozapine codeine cyclobenzaprine desvenlafaxine dexamphetamine diazepam diclofenac digoxin "
    "diphenhydramine disulfiram divalproex donepezil doxepin doxycycline duloxetine escitalopram esketamine eszopiclone etizolam "
    "flunarizine fluoxetine flupentixol fluphenazine fluticasone fluvoxamine furosemide gabapentin glipizide guanfacine haloperidol "
    "hydrochlorothiazide hydrocodone hydroxyzine ibuprofen imipramine insulin ketamine lamotrigine levetiracetam levothyroxine "
    "lisdexamfetamine lisinopril lithium loratadine lorazepam losartan lumateperone lurasidone melatonin meloxicam memantine metformin "
    "methadone methotrexate methylphenidate metoprolol mirtazapine modafinil montelukast morphine naltrexone naproxen nortriptyline "
    "olanzapine omeprazole oxazepam oxcarbazepine oxycodone paliperidone pantoprazole paracetamol paroxetine penicillin perphenazine "
    "phenytoin pramipexole prazosin prednisone pregabalin procyclidine promethazine propranolol quetiapine ramelteon ramipril risperidone "
    "rosuvastatin sertraline sildenafil simvastatin spironolactone sulpiride sumatriptan tapentadol temazepam topiramate tramadol "
    "tranylcypromine trazodone trifluoperazine trihexyphenidyl valproate varenicline venlafaxine vilazodone vilazoxine vortioxetine "
    "warfarin zaleplon ziprasidone zolpidem zopiclone zuclopenthixol"
)
_BRAND_NAMES = (
    "abilify adderall advil aleve ambien antabuse ativan buspar caplyta celexa chantix clozaril cogentin concerta coumadin cymbalta "
    "depakote effexor epival geodon haldol inderal invega klonopin lamictal lasix latuda lexapro lipitor lunesta luvox lyrica mobic motrin "
    "neurontin nexito norvasc pamelor paxil plavix pristiq prozac remeron restoril rexulti risperdal ritalin saphris seroquel spravato "
    "strattera suboxone synthroid tegretol trileptal trintellix truvada tylenol ultram valium vistaril vivitrol vraylar vyvanse wellbutrin "
    "xanax zoloft zyprexa"
)
BRANDS = frozenset(_BRAND_NAMES.split())
DRUGS = BRANDS | frozenset(_GENERIC_NAMES.split())
# A brand and its generic name are the same drug.
SAME_DRUG = {
    "abilify": "aripiprazole",
    "advil": "ibuprofen",
    "ambien": "zolpidem",
    "antabuse": "disulfiram",
    "ativan": "lorazepam",
    "caplyta": "lumateperone",
    "celexa": "citalopram",
    "chantix": "varenicline",
    "clozaril": "clozapine",
    "cogentin": "benztropine",
    "concerta": "methylphenidate",
    "cymbalta": "duloxetine",
    "depakote": "divalproex",
    "effexor": "venlafaxine",
    "geodon": "ziprasidone",
    "haldol": "haloperidol",
    "inderal": "propranolol",
    "invega": "paliperidone",
    "klonopin": "clonazepam",
    "lamictal": "lamotrigine",
    "lasix": "furosemide",
    "lexapro": "escitalopram",
    "lunesta": "eszopiclone",
    "luvox": "fluvoxamine",
    "mobic": "meloxicam",
    "motrin": "ibuprofen",
    "neurontin": "gabapentin",
    "pamelor": "nortriptyline",
    "paracetamol": "acetaminophen",
    "paxil": "paroxetine",
    "prozac": "fluoxetine",
    "remeron": "mirtazapine",
    "restoril": "temazepam",
    "risperdal": "risperidone",
    "ritalin": "methylphenidate",
    "saphris": "asenapine",
    "seroquel": "quetiapine",
    "spravato": "esketamine",
    "trintellix": "vortioxetine",
    "tylenol": "acetaminophen",
    "ultram": "tramadol",
    "valium": "diazepam",
    "vistaril": "hydroxyzine",
    "vivitrol": "naltrexone",
    "wellbutrin": "bupropion",
    "xanax": "alprazolam",
    "zoloft": "sertraline",
    "zyprexa": "olanzapine",
}


def drug_name(word: str) -> str:
    """Return the generic name of a drug word."""
    return SAME_DRUG.get(word, word)
