"""Sentiment phrases of the bundled sample, `negative / positive / neutral` (see `sample_lexicon`).

The keys of a table are the kinds and tags of the nouns that its phrases fit. `{be}` agrees with the noun,
`{wbe}` with the speaker.
"""

from __future__ import annotations

# Adjectives that take "very"; they also fit "so ... that", "as ... as can be", "was n't ... at all".
GRADABLE: dict[str, str] = {
    "food drink place item work event": "bad / good / average, disappointing / impressive / ordinary, "
    "mediocre / nice / average",
    "food drink place event": "forgettable / memorable / ordinary, unpleasant / pleasant / plain",
    "food": "bland / tasty / plain, tasteless / flavorful / mild, nasty / yummy / simple, "
    "unappetizing / tempting / plain, unhealthy / healthy / simple",
    "drink": "watery / refreshing / mild, tasteless / flavorful / mild, weak / rich / light, stale / fresh / plain",
    "meat": "tough / tender / average, dry / juicy / plain, greasy / lean / ordinary, chewy / succulent / average",
    "fried": "soggy / crispy / ordinary, greasy / crunchy / average",
    "bread": "stale / fresh / average, hard / soft / plain, burnt / fluffy / plain",
    "cake": "dry / moist / ordinary, crumbly / buttery / plain",
    "staff": "rude / friendly / quiet, unhelpful / helpful / busy, impatient / patient / reserved, "
    "dishonest / honest / serious, lazy / hardworking / quiet, clueless / knowledgeable / young, "
    "unprofessional / professional / formal, grumpy / cheerful / calm, mean / kind / reserved, "
    "inattentive / attentive / busy, arrogant / humble / formal, careless / careful / busy, "
    "unfriendly / welcoming / reserved, incompetent / competent / young, hostile / gracious / serious, "
    "distracted / focused / calm, pushy / respectful / formal, condescending / understanding / serious, "
    "impolite / polite / quiet, unreliable / reliable / new",
    "place": "dirty / clean / plain, messy / tidy / ordinary, ugly / beautiful / simple, "
    "shabby / charming / modest, outdated / modern / typical, dingy / elegant / plain, "
    "neglected / inviting / ordinary, smelly / fresh / simple",
    "room": "cramped / spacious / average, noisy / quiet / busy, gloomy / bright / simple, "
    "uncomfortable / comfortable / ordinary, depressing / cozy / modest, tacky / stylish / plain, "
    "drafty / warm / simple",
    "item": "useless / useful / common, worn out / well made / average",
    "hard device": "flimsy / sturdy / simple, shoddy / solid / ordinary",
    "goods": "overpriced / affordable / plain, ugly / elegant / common",
    "soft": "uncomfortable / comfortable / ordinary, lumpy / soft / average, stiff / cozy / plain",
    "device": "unreliable / reliable / common, fragile / durable / ordinary",
    "machine": "noisy / quiet / ordinary, bulky / handy / common",
    "computer": "slow / fast / average, confusing / intuitive / simple",
    "wear": "unflattering / flattering / plain, tacky / stylish / simple, uncomfortable / comfortable / ordinary",
    "work": "sloppy / neat / average, rushed / thorough / routine, overpriced / affordable / typical, "
    "unprofessional / professional / ordinary",
    "task": "slow / fast / average, complicated / simple / routine, stressful / painless / routine, "
    "inefficient / efficient / ordinary",
    "care": "painful / painless / routine, rough / gentle / average, stressful / relaxing / ordinary",
    "event": "boring / exciting / typical, dull / fun / average, tedious / entertaining / ordinary, "
    "confusing / inspiring / simple, lame / lively / quiet, chaotic / well organized / typical, "
    "lifeless / moving / quiet",
    "price": "high / low / average, unfair / fair / typical, unreasonable / reasonable / normal, "
    "steep / modest / ordinary, shocking / attractive / average, dishonest / honest / common",
}

# Adjectives that take "absolutely" rather than "very".
EXTREME: dict[str, str] = {
    "food drink place item work event staff": "terrible / wonderful / acceptable, "
    "awful / amazing / okay, horrible / excellent / fine, dreadful / fantastic / normal, "
    "lousy / superb / standard, pathetic / incredible / typical, atrocious / outstanding / average, "
    "appalling / marvelous / acceptable, abysmal / phenomenal / okay",
    "food drink": "disgusting / delicious / edible, revolting / heavenly / normal, "
    "inedible / mouthwatering / edible, unacceptable / perfect / standard",
    "staff": "useless / brilliant / fine, insufferable / delightful / normal, "
    "hopeless / exceptional / acceptable, obnoxious / lovely / average",
    "place": "filthy / spotless / standard, disgusting / gorgeous / average, "
    "hideous / stunning / normal, miserable / magnificent / acceptable",
    "item": "worthless / flawless / standard, defective / perfect / normal",
    "goods": "hideous / gorgeous / average",
    "work": "botched / flawless / standard, hopeless / perfect / normal, unacceptable / exceptional / acceptable",
    "event": "miserable / brilliant / standard, unbearable / delightful / normal, mindless / magical / average",
    "price": "outrageous / unbeatable / standard, ridiculous / fantastic / normal, "
    "insane / excellent / acceptable, absurd / great / okay",
}

# Whole predicates: "the soup ...".
PREDICATES: dict[str, str] = {
    "food drink goods work event": "{be} a waste of money / {be} worth every penny / {be} worth the price, "
    "{be} a big letdown / {be} a real treat / {be} no surprise, "
    "missed the mark / hit the spot / did the job, "
    "fell short of our expectations / exceeded our expectations / met our expectations, "
    "left a lot to be desired / left nothing to be desired / -, "
    "{be} not worth the wait / {be} well worth the wait / -",
    "food drink": "tasted like cardboard / tasted like heaven / tasted like any other, "
    "made me sick / made me smile / filled me up, smelled rotten / smelled amazing / smelled familiar, "
    "left us unhappy / left us happy / left us full, tasted old / tasted homemade / tasted normal",
    "meat fried": "came out cold / came out piping hot / came out warm, "
    "{be} burnt to a crisp / {be} cooked to perfection / -",
    "staff": "ignored us / took great care of us / served us, "
    "yelled at us / smiled at us / nodded at us, kept us waiting / helped us right away / greeted us, "
    "lied to us / told us the truth / talked to us, "
    "made us feel unwelcome / made us feel at home / showed us around, "
    "never listened / always listened / sometimes listened, "
    "refused to help / offered to help / tried to help, "
    "treated us like dirt / treated us like family / treated us like others, "
    "had a terrible attitude / had a wonderful attitude / had a normal attitude, "
    "had no idea what to do / knew exactly what to do / -, "
    "never smiled once / never stopped smiling / never stopped walking, "
    "insulted my family / charmed my family / met my family, "
    "ruined my day / made my day / filled my day, wasted our time / respected our time / used our time",
    "place": "looked like a dump / looked like a palace / looked like any other, "
    "needed a good cleaning / {be} kept spotless / -, "
    "smelled like mold / smelled like roses / smelled like paint, "
    "{be} falling apart / {be} in great shape / {be} in normal shape, "
    "made us want to leave / made us want to stay / -, gave me the creeps / took my breath away / -, "
    "{be} a disgrace / {be} a delight / {be} no surprise",
    "item": "let me down / never let me down / -, "
    "{be} cheaply made / {be} beautifully made / {be} made as usual, "
    "caused nothing but trouble / caused no trouble at all / -",
    "goods": "fell apart in days / lasted for years / lasted a season, broke right away / held up well / aged as usual",
    "device": "kept breaking down / worked like a charm / worked as usual, "
    "stopped working at once / worked right away / -",
    "work": "{be} done wrong / {be} done right / {be} done as usual, "
    "made things worse / made things better / changed little, "
    "{be} a total mess / {be} a total success / {be} the usual thing, "
    "had to be redone / turned out great / turned out okay",
    "task": "took forever / took no time at all / took an hour, "
    "{be} a nightmare / {be} a breeze / {be} a routine affair, "
    "drove me crazy / went smoothly / went as usual",
    "care": "left me in pain / left me pain free / -, hurt a lot / felt great / felt normal",
    "event": "bored us to tears / made us laugh / kept us busy, "
    "put us to sleep / kept us on our toes / kept us busy, "
    "ruined our evening / made our evening / filled our evening, "
    "dragged on forever / {be} over too soon / {be} over on time",
    "price": "{be} a rip-off / {be} a bargain / {be} no surprise, "
    "scared us away / won us over / surprised nobody, "
    "went way up / stayed nice and low / stayed the same, {be} not worth it / {be} worth it / -",
}

# What it was: a noun phrase after "was".
NOUN_PHRASES: dict[str, str] = {
    "food drink place item work event staff": "a disaster / a dream / -, a disgrace / a delight / -, "
    "a complete joke / a complete joy / -, a huge letdown / a huge hit / -, "
    "a major disappointment / a major highlight / -, a nightmare / a blessing / -",
    "food drink goods work event": "a total rip-off / a total steal / -, a waste of money / a great value / -",
    "price": "a total rip-off / a total steal / -, a bad joke / a good deal / -, a huge scam / a huge bargain / -",
}

# Verbs of opinion: "my wife ... the soup".
OPINIONS: dict[str, str] = {
    "food drink place item work event staff": "hated / loved / noticed, despised / adored / remembered, "
    "complained about / raved about / talked about, "
    "{wbe} unhappy with / {wbe} thrilled with / {wbe} okay with, "
    "{wbe} disappointed by / {wbe} impressed by / {wbe} surprised by, "
    "{wbe} appalled by / {wbe} amazed by / {wbe} used to, grew tired of / grew fond of / heard about, "
    "had nothing but complaints about / had nothing but praise for / had some questions about",
    "food drink": "disliked / devoured / tried, choked on / savored / finished, sent back / finished off / took home",
    "place": "disliked / admired / visited, complained about / enjoyed / entered",
    "goods": "returned / cherished / used, regretted / treasured / kept",
    "device": "gave up on / relied on / looked at",
    "event": "slept through / enjoyed / watched, walked out of / could not get enough of / sat through",
    "work": "regretted / appreciated / needed, suffered through / enjoyed / asked for",
    "staff": "distrusted / trusted / met, argued with / got along with / spoke with",
}

# Imperatives: "... the soup at this diner .", also after "told me to".
IMPERATIVES: dict[str, str] = {
    "food drink work event goods": "skip / try / consider, "
    "stay away from / go straight for / think about, avoid / enjoy / compare, "
    "think twice about / say yes to / read about, forget about / remember / read about",
    "staff": "avoid / ask for / call, stay away from / trust / talk to, beware of / believe in / meet, "
    "steer clear of / make friends with / say hello to",
    "place": "avoid / enjoy / visit, stay away from / go and admire / look at, skip / see / find",
}
# Imperatives that begin a sentence only.
WARNINGS: dict[str, str] = {
    "food drink work event goods": "do n't bother with / do n't miss out on / -, "
    "do n't waste money on / do treat yourself to / -, never spend a dime on / always make time for / -",
    "staff": "do n't trust / do trust / -, do n't ever ask for / do always ask for / -",
    "place": "do n't bother with / do n't miss / -",
}

# "the ... soup in town".
SUPERLATIVES: dict[str, str] = {
    "food drink place item work event staff": "worst / best / usual, "
    "most disappointing / most impressive / most typical, most awful / most wonderful / most common, "
    "poorest / finest / plainest",
    "food": "blandest / tastiest / plainest, most disgusting / most delicious / most basic, "
    "nastiest / yummiest / simplest",
    "staff": "rudest / friendliest / quietest, least helpful / most helpful / busiest, "
    "least honest / most honest / youngest, meanest / kindest / calmest, laziest / sweetest / newest",
    "place": "dirtiest / cleanest / plainest, ugliest / prettiest / simplest, "
    "least inviting / most inviting / most modest",
    "event": "dullest / funniest / longest, most boring / most exciting / most typical",
    "item": "least useful / most useful / most common, least reliable / most reliable / plainest",
    "work": "sloppiest / neatest / plainest, least reliable / most reliable / most common",
}

# How something ordered arrived.
ARRIVALS: dict[str, str] = {
    "food drink goods": "far too late / right on time / after a while, "
    "an hour late / ten minutes early / at five, without an apology / with a smile / with a receipt, "
    "in a sorry state / in perfect condition / as usual",
    "goods": "badly damaged / in perfect shape / in a box, with missing parts / with free extras / with spare parts",
}

# Manner of an errand, before a past tense: "the waiter ... brought the check".
MANNERS = (
    "rudely / politely / quietly, carelessly / carefully / simply, grudgingly / gladly / finally, "
    "slowly / quickly / first, impatiently / patiently / then, angrily / cheerfully / calmly, "
    "reluctantly / happily / already, lazily / eagerly / quietly"
)
# Before a base form: "the waiter ... bring the check".
ATTITUDES = (
    "forgot to / remembered to / began to, refused to / {be} happy to / offered to, "
    "failed to / managed to / began to, could not even / made sure to / had to, "
    "{be} too lazy to / {be} quick to / {be} about to, "
    "{be} unwilling to / {be} more than willing to / {be} told to, "
    "never bothered to / took the time to / came to"
)

# What the customer concludes (a whole clause).
VERDICTS = (
    "i will never come back / i will definitely come back / i might come back, "
    "we wo n't return / we ca n't wait to return / we may return, "
    "i left angry / i left happy / i left early, "
    "i would not recommend it / i would highly recommend it / i would describe it, "
    "i regret coming here / i am glad i came here / i remember coming here, "
    "we were disappointed / we were delighted / we were ready, "
    "they lost a customer / they won a customer / they saw a customer, "
    "it was a waste of time / it was time well spent / it was over in time, "
    "i hated every minute / i loved every minute / i counted every minute, "
    "i want my money back / i want to come back / i want to think, "
    "we are done with this place / we are in love with this place / we are new to this place, "
    "i was not happy at all / i was happier than ever / i was there as usual, "
    "it ruined my mood / it lifted my mood / it changed my plans, "
    "my trust is gone / my trust is back / my visit is over, "
    "i am telling everyone to stay away / i am telling everyone to come here / i am telling everyone now, "
    "you should go elsewhere / you should give it a try / you should decide, "
    "i felt cheated / i felt spoiled / i felt normal, "
    "i am still upset / i am still smiling / i am still thinking, "
    "we could not wait to leave / we could not stop smiling / -"
)
# Consequences: "the soup was so bland that ...".
RESULTS = (
    "we left early / we stayed longer / we noticed, "
    "i complained twice / i came back twice / i looked twice, "
    "i asked for a refund / i left a big tip / i left a short note, "
    "i almost screamed / i almost cheered / i almost forgot, "
    "we wo n't return / we will return / we may return, "
    "we lost our patience / we lost track of time / we kept talking, "
    "i wrote an angry letter / i wrote a thank you note / i wrote a short letter, "
    "we walked out / we booked again / we walked around, "
    "everyone complained / everyone cheered / everyone noticed, "
    "we warned our friends / we invited our friends / we asked our friends"
)
# Expectations against the outcome: "... but the soup was bland".
HOPES = (
    "i had high hopes / i had low hopes / i had no plans, "
    "we expected a lot / we expected very little / we expected nothing, "
    "the reviews are great / the reviews are harsh / the reviews are mixed, "
    "i wanted to love it / i was ready to hate it / i was not sure, "
    "the ads promised a lot / the ads promised little / the ads promised something, "
    "the place looks fancy / the place looks run down / the place looks normal, "
    "people praised it / people warned me / people talked about it, "
    "it used to be good / it used to be bad / -"
)
# How a visit felt: "my wife and i ... at the diner".
FEELINGS = (
    "felt unwelcome / felt welcome / felt okay, felt ignored / felt appreciated / felt normal, "
    "had a terrible time / had a wonderful time / had a normal time, "
    "were miserable / were thrilled / were tired, "
    "regretted every second / enjoyed every second / counted every second, "
    "had an awful experience / had an amazing experience / had a short meeting, "
    "were treated badly / were treated like royalty / were treated as usual, "
    "felt robbed / felt spoiled / felt the same, "
    "got bad service / got great service / got standard service"
)
# The same without a place after it.
MOODS = FEELINGS + (
    ", left disappointed / left satisfied / left at noon, "
    "could n't wait to leave / could n't wait to return / -, "
    "left in a bad mood / left in a great mood / left in a hurry, "
    "went home angry / went home happy / went home early"
)
# Predicates of the place as a whole: "the diner on main street ...".
VENUE_PREDICATES = (
    "is a dump / is a gem / is a normal place, "
    "has gone downhill / keeps getting better / has stayed the same, "
    "lost my business / earned my business / got my business, "
    "deserves zero stars / deserves five stars / deserves three stars, "
    "is overrated / is underrated / is well known, "
    "is not worth the drive / is well worth the drive / is a short drive away, "
    "should be shut down / should be famous / should be open, "
    "always disappoints / never disappoints / seldom surprises, "
    "is a rip-off / is a steal / is a franchise, "
    "cheats its customers / loves its customers / counts its customers, "
    "breaks its promises / keeps its promises / makes some promises, "
    "has no class / has real class / has a sign, "
    "is my least favorite / is my absolute favorite / is the nearest one, "
    "makes me sad / makes me happy / makes me think, "
    "is run by amateurs / is run by experts / is run by locals"
)
# Sentence adverbs.
ADVERBS = (
    "unfortunately / fortunately / apparently, sadly / happily / supposedly, "
    "to my horror / to my delight / to my surprise, regrettably / thankfully / evidently, "
    "as i feared / as i hoped / as i thought"
)
# Time spent waiting for something: "we waited ... for our tacos".
WAITS = (
    "forever / barely a minute / ten minutes, "
    "over an hour / less than five minutes / about fifteen minutes, "
    "way too long / no time at all / some time, half the night / just a moment / a while, "
    "an eternity / hardly a second / an hour"
)
# Effect on an occasion: "thanks to the waiter our anniversary ...".
EFFECTS = (
    "was ruined / was perfect / was short, was a disaster / was a success / was a surprise, "
    "turned sour / turned magical / turned quiet, ended in tears / ended in laughter / ended on time, "
    "was spoiled / was saved / was changed, was a total loss / was a total joy / -, "
    "became a nightmare / became a dream / became a routine"
)
