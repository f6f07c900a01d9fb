"""Words by which columns about people are known, as `headers.words` writes them."""

from salary_kedro.tables.drafting.headers import word_set

#: What a column tells about people: forms of its header's words, the first trait wins.
TRAITS = {
    "sex": word_set(
        """
        sex sexes gender female females male males fem woman women geschlecht sexe genre sexo genero
        sesso genere plec pohlavi cinsiyet kjonn kon geslacht sukupuoli пол стать φυλο 性别 性別
        성별 asex genderid msex fsex
        salutation salutations honorific anrede pronoun pronouns civilite tratamiento aanhef
        """
    ),
    "race or ethnicity": word_set(
        """
        race races racial raza raca rasse ethn eth ethnic ethnicity ethnie etnia racethn raceeth
        black blacks blck white whites wht nonwhite nonblack hisp hispanic hispan latino latina
        latinx asian asians caucasian afam african aboriginal indigenous minority rac1p racwht
        racblk racasn fhisp husblck hushisp hautfarbe racegeneral
        """
    ),
    "age": word_set(
        """
        age ages alter edad eta idade leeftijd wiek vek yas ika alder kor возраст 年齢 年龄 나이
        agegroup agegrp agerange agecell agecat ageband agep agecd agerec ageyrs agesq agesqr lage
        lnage logage birthyear birthyr birthdate birthday yearborn born yob dob geburtsjahr
        geburtsdatum jahrgang seniorcitizen bdate birthdt
        """
    ),
    "origin": word_set(
        """
        nationality citizenship citizen citizn immigrant immigr immigration migrant migration
        foreign foreigner foreignborn nativity native natvty birthplace birthcountry pobp
        ancestry ancestor origin nationalorigin countryoforigin herkunft geburtsland
        migrationshintergrund staatsangehorigkeit nacionalidad nacionalidade nazionalita
        mothertongue motherlanguage 国籍
        """
    ),
    "religion": word_set(
        """
        religion religions religious relig religiosidad confession konfession catholic protestant
        prot muslim islam jewish jew hindu christian baptist mormon buddhist denomination
        kirchensteuer kirchensteuermerkmal churchtax
        """
    ),
    "marital status": word_set(
        """
        marital maritl marit marstat marstatus married maried marr marry marst mar76 nevmarr nevmar
        nevermarried msp divorced divorce widowed widow unmarried spousepresent cohabiting
        familienstand civilstatus estadocivil statocivile etatcivil situationmatrimoniale
        relstatus relationship relationshipstatus yrsmarr 婚姻
        steuerklasse lohnsteuerklasse taxclass filingstatus
        """
    ),
    "disability": word_set(
        """
        disability disabilities disabled disab handicap handicapped schwerbehindert behinderung
        discapacidad invalidez
        """
    ),
    "union membership": word_set(
        """
        union unions unionized unionised unionmember unionmembership tradeunion labourunion
        laborunion uncov unmem gewerkschaft syndicat sindicato sindacato husunion
        """
    ),
    "pregnancy or parental leave": word_set(
        """
        pregnancy pregnant maternity paternity parentalleave schwanger schwangerschaft
        mutterschutz elternzeit congeparental embarazo
        """
    ),
    "sexual orientation": word_set(
        "orientation sexualorientation lgb lgbt lgbtq gay lesbian homosexual transgender"
    ),
    "caste": word_set("caste castes jati scst scheduledcaste"),
    "veteran status": word_set("veteran veterans vetstat vetst vetstatus militarystatus"),
    "political views": word_set("political politics polviews partyid pid7"),
}
#: Parts of words that tell the same wherever they stand; `relig` would find no other word.
STEMS = {
    "sex": ("female", "gender"),
    "race or ethnicity": ("ethnic", "hispan", "nonwhite"),
    "age": (),
    "origin": ("nationalit", "citizen", "immigra", "foreignborn"),
    "religion": ("religio",),
    "marital status": ("marital", "married", "divorce", "widow"),
    "disability": ("disabil", "disabled", "handicap"),
    "union membership": ("unioniz", "unionis"),
    "pregnancy or parental leave": ("pregnan",),
    "sexual orientation": (),
    "caste": (),
    "veteran status": ("veteran",),
    "political views": (),
}
#: Ends of words of the same, as econometricians name products: `y85fem`, `marrblck`.
ENDS = {
    "sex": ("fem", "male"),
    "race or ethnicity": ("black", "blck", "hisp"),
    "marital status": ("marr",),
    "union membership": ("union",),
}
_THINGS = word_set(
    """
    company firm house building property car vehicle account machine business website product
    """
)
#: Words beside which the others mean something else, such as a white collar.
EXEMPT = {trait: frozenset[str]() for trait in TRAITS} | {
    "race or ethnicity": word_set("collar box friday paper belt list hat"),
    "age": _THINGS | word_set("child children kid kids youngest"),
    "origin": word_set("trade owned ownership sales revenue senior exchange currency"),
    "union membership": word_set("credit european soviet territory customs"),
    "sexual orientation": word_set("screen page map"),
    "marital status": word_set("satisfaction customer manager client investor"),
}
#: Where or when somebody was born: one of either in one header.
BORN = word_set("birth born naissance geburt nacimiento nascimento nascita origin native")
DATES = word_set("date year yr dt day datum fecha data jahr annee rok")
BEGINNINGS = ("birth", "born")
PLACES = word_set(
    """
    country place state land region pays lieu ort pais lugar paese nation language tongue
    """
)

#: How letters and forms address people, and the titles beside, which alone tell nothing.
_TITLES = ("dr", "prof", "prof dr")
_SALUTATIONS = word_set("herr frau hr fr mr mrs ms miss mme mlle sr sra srta")
_PRONOUNS = word_set("he she they") | {
    *("he him", "she her", "they them", "he him his", "she her hers", "they them theirs"),
    *("he they", "she they", "er ihm", "sie ihr"),
}
_NEUTRAL = frozenset({"other", "unknown", "divers", "diverse", "non binary", "nonbinary", "mixed"})
#: Texts that give a column away; two of them must be there, and most others be known.
CORE_VALUES = {
    "sex": word_set(
        """
        m f male female man woman men women masculin feminin homme femme hombre mujer maschio
        femmina maschile femminile masculino femenino feminino mann frau mannlich weiblich
        vrouw mannelijk vrouwelijk kvinna kvinde mand nainen mies mezczyzna kobieta muz zena
        ferfi erkek kadin мужской женский мужчина женщина м ж 男 女 男性 女性 남 여 남성 여성 남자
        여자 w d
        """
    )
    | _SALUTATIONS
    | _PRONOUNS
    | {f"{who} {title}" for who in ("herr", "frau") for title in _TITLES},
    "race or ethnicity": word_set("white black asian hispanic latino caucasian cauc afam hisp")
    | {
        "african american",
        "black or african american",
        "native american",
        "american indian",
        "hispanic or latino",
        "non white",
        "pacific islander",
        "two or more races",
        "american indian or alaska native",
    },
    "religion": word_set(
        "catholic protestant muslim christian jewish hindu buddhist atheist sikh orthodox islam"
    ),
    "marital status": word_set(
        """
        married divorced widowed separated unmarried single verheiratet ledig geschieden marie
        celibataire divorce veuf casado soltero divorciado viudo casada soltera coniugato celibe
        zonaty svobodny gehuwd ongehuwd
        """
    )
    | {"never married", "not married", "married civ spouse"},
    "origin": word_set(
        "english french spanish german italian portuguese polish russian chinese arabic turkish"
    ),
}
VALUES = {
    trait: known | _NEUTRAL | word_set("none nil rather prefer")
    for trait, known in CORE_VALUES.items()
}
VALUES["sex"] |= {"mx", *_TITLES}
VALUES["race or ethnicity"] |= {"amer indian aleut or eskimo", "amer indian eskimo", "native"}
VALUES["marital status"] |= {"partner", "living together", "domestic partner", "verwitwet"}
#: Headers under which white and black are colours.
COLOURS = word_set("color colour farbe couleur color colore cor")
#: Headers under which one known language is enough.
LANGUAGES = word_set("lang language langue sprache idioma lingua")
