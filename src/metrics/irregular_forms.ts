/**
 * Irregular English forms and their lemmas, for concept coverage: a Porter stem ties "throws" to
 * "throw" but not "threw". General vocabulary (strong verbs, irregular plurals), not fitted to any
 * system's outputs; a form that is also a word of its own ("saw", "left") counts for both.
 */

/** One entry a line: the lemma and its forms. */
const ENTRIES = `
arise arose arisen
awake awoke awoken
be am is are was were been
bear bore borne born
beat beaten
become became
begin began begun
bend bent
bind bound
bite bit bitten
bleed bled
blow blew blown
break broke broken
breed bred
bring brought
build built
burn burnt
buy bought
catch caught
choose chose chosen
cling clung
come came
creep crept
deal dealt
dig dug
dive dove
do does did done
draw drew drawn
dream dreamt
drink drank drunk
drive drove driven
dwell dwelt
eat ate eaten
fall fell fallen
feed fed
feel felt
fight fought
find found
flee fled
fling flung
fly flew flown
forget forgot forgotten
forgive forgave forgiven
freeze froze frozen
get got gotten
give gave given
go goes went gone
grind ground
grow grew grown
hang hung
have has had
hear heard
hide hid hidden
hold held
keep kept
kneel knelt
know knew known
lay laid
lead led
lean leant
leap leapt
learn learnt
leave left
lend lent
lie lay lain lying
light lit
lose lost
make made
mean meant
meet met
overtake overtook overtaken
pay paid
plead pled
ride rode ridden
ring rang rung
rise rose risen
run ran
saw sawn
say said
see saw seen
seek sought
sell sold
send sent
sew sewn
shake shook shaken
shear shorn
shine shone
shoot shot
show shown
shrink shrank shrunk
sing sang sung
sink sank sunk
sit sat
sleep slept
slide slid
sling slung
smell smelt
sneak snuck
speak spoke spoken
speed sped
spell spelt
spend spent
spill spilt
spin spun
spit spat
spring sprang sprung
stand stood
steal stole stolen
stick stuck
sting stung
stink stank stunk
strike struck stricken
string strung
strive strove striven
swear swore sworn
sweep swept
swell swollen
swim swam swum
swing swung
take took taken
teach taught
tear tore torn
tell told
think thought
throw threw thrown
tread trod trodden
understand understood
undo undid undone
wake woke woken
wear wore worn
weave wove woven
weep wept
win won
wind wound
withdraw withdrew withdrawn
wring wrung
write wrote written
calf calves
child children
elf elves
foot feet
goose geese
half halves
hoof hooves
knife knives
leaf leaves
life lives
loaf loaves
louse lice
man men
mouse mice
ox oxen
person people
scarf scarves
self selves
shelf shelves
thief thieves
tooth teeth
wife wives
wolf wolves
woman women
axis axes
bad worse worst
far farther farthest further furthest
good better best
`;

/** The lemma of each irregular form. */
export const IRREGULAR_FORMS: ReadonlyMap<string, string> = new Map(
  ENTRIES.trim().split("\n").flatMap((entry) => {
    const [lemma, ...forms] = entry.split(" ") as [string, ...string[]];
    return forms.map((form) => [form, lemma] as const);
  }),
);
