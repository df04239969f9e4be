"""Words of the bundled sample: neutral content by domain. Everything here was written for this project.

Nouns end in `+` (plural) or `~` (singular without article: "rice", "staff"). Sentiment phrases, here and in
`sample_phrases`, are written `negative / positive / neutral`. The versions fit the same places, so that a
sentence and its counterpart differ in nothing but sentiment; `-` means that there is no neutral version.
"""

from __future__ import annotations

# domain -> kinds and tags -> nouns. The kinds decide the patterns, kinds and tags the phrases.
NOUNS: dict[str, dict[str, str]] = {
    "restaurant": {
        "food": "chicken soup, pasta~, mushroom pizza, caesar salad, fish curry, noodles+, dumplings+, "
        "burrito, sushi~, vegetable lasagna, cheese omelette, tomato soup, mashed potatoes+, meatballs+, "
        "potato salad, beef stew, ramen~, nachos+, hummus~, lentil soup, shrimp tacos+, fried rice~, "
        "lunch special",
        "food meat": "grilled salmon~, steak, lamb chops+, roast beef~, pork ribs+, burger, duck breast, "
        "brisket~, turkey burger, lobster",
        "food fried": "french fries+, onion rings+, egg rolls+, hash browns+, chicken wings+, "
        "spring rolls+, fish sticks+",
        "food bread": "garlic bread~, croissants+, bagels+, waffles+",
        "food bread cake": "apple pie, chocolate cake, muffins+, cinnamon rolls+, banana bread~, donuts+",
        "drink": "iced tea~, lemonade~, house wine~, draft beer~, hot chocolate~, orange juice~, "
        "margaritas+, milkshake, cappuccino, smoothie, cocktails+, latte",
        "staff": "waiter, waitress, hostess, bartender, chef, manager, owner, waiters+, kitchen staff~",
        "place": "patio, restroom, kitchen, parking lot",
        "place room": "dining room, corner booth, terrace, bar area",
        "price": "prices+, lunch prices+, drink prices+",
    },
    "hotel": {
        "staff": "receptionist, front desk clerk, housekeeper, concierge, bellboy, night manager, hotel staff~, valet",
        "place": "pool, hallway, elevator, carpet, garden, sauna",
        "place room": "lobby, suite, bathroom, balcony, bedroom, breakfast room, conference room, guest room",
        "item soft": "bed, mattress, pillows+, armchair, blankets+",
        "item device machine": "air conditioner, hair dryer, coffee machine, heater",
        "item": "shower, towels+, curtains+",
        "food": "breakfast plate, scrambled eggs+, fruit salad",
        "price": "room rates+, weekend rates+",
    },
    "shop": {
        "goods item wear": "jacket, dress, jeans+, sweater, shirt, necklace, hat, raincoat, gloves+, sunglasses+",
        "goods item soft": "sofa, boots+, sneakers+, office chair, sandals+",
        "goods item device": "headphones+, toaster, electric kettle, alarm clock",
        "goods item device machine": "vacuum cleaner, blender, sewing machine",
        "goods item device computer": "laptop, camera, phone, printer",
        "goods item hard": "lamp, backpack, bookshelf, rug, suitcase, umbrella, tent, coffee table, wallet, toys+",
        "staff": "cashier, sales clerk, salesman, saleswoman, store manager, security guard, clerks+",
        "place": "aisles+, checkout area, toy department, shelves+, entrance",
        "place room": "showroom, fitting room, basement",
        "price": "prices+, shoe prices+, book prices+",
    },
    "garage": {
        "staff": "mechanic, service advisor, tow truck driver, apprentice, shop owner, mechanics+",
        "work task": "oil change, brake repair, tire rotation, engine repair, car wash, inspection, "
        "battery replacement, windshield repair",
        "work": "paint job, body work~, engine work~",
        "goods item device": "used car, radio, car alarm",
        "place": "workshop, parking garage, yard",
        "place room": "waiting area, customer lounge",
        "price": "repair quote, labor rates+, tire prices+",
    },
    "home": {
        "staff": "plumber, electrician, roofer, painter, handyman, locksmith, gardener, cleaning crew, "
        "carpenter, movers+, pool guy, landlord",
        "work task": "delivery, window cleaning~, carpet cleaning~, furnace repair, lawn service~, "
        "phone support~, move",
        "work": "bathroom work~, roof repair, tile work~, kitchen wiring~, fence repair, paint work~, installation",
        "goods item device machine": "dishwasher, water heater, washing machine, garage door",
        "price": "cleaning rates+, hourly rates+, moving estimate",
    },
    "salon": {
        "staff": "stylist, barber, manicurist, nail technician, masseuse, hairdresser, salon owner, receptionist",
        "work care": "massage, facial, pedicure, manicure, shave, foot bath",
        "work": "haircut, perm, hair color~, beard trim, highlights+, nail polish~",
        "item soft": "robes+, massage table, recliner",
        "place": "nail bar, steam bath",
        "place room": "treatment room, waiting area, makeup corner",
        "price": "haircut prices+, color prices+, massage rates+",
    },
    "clinic": {
        "staff": "dentist, nurse, doctor, vet, hygienist, surgeon, pediatrician, therapist, assistant, "
        "pharmacist, nurses+, eye doctor",
        "work care": "root canal, blood test, flu shot, eye exam, dental cleaning, physical therapy~, x-ray",
        "work task": "checkup, registration~, paperwork~, online form",
        "goods item wear": "glasses+, contact lenses+",
        "place": "pharmacy, emergency room",
        "place room": "exam room, waiting room, recovery room",
        "price": "lab fees+, exam fees+, prescription prices+",
    },
    "gym": {
        "staff": "trainer, yoga teacher, swim coach, lifeguard, instructor, boxing coach, trainers+",
        "event": "yoga class, spin class, swimming lesson, dance class, boxing lesson, boot camp",
        "item device machine": "treadmills+, rowing machine, exercise bikes+",
        "item hard": "weights+, lockers+, yoga mats+, tennis rackets+",
        "place": "lap pool, tennis court, showers+, steam room",
        "place room": "locker room, weight room, dance studio",
        "price": "membership fees+, class prices+, annual fee",
    },
    "travel": {
        "staff": "pilot, flight attendant, taxi driver, bus driver, gate agent, tour guide, cabin crew, ticket agent",
        "event": "city tour, boat trip, train ride, museum tour, wine tasting",
        "work task": "boarding~, ticket change, baggage claim~, online form",
        "item soft": "seats+, plane seats+",
        "food": "airline meals+, airport sandwich",
        "place": "terminal, bus, taxi, platform",
        "place room": "cabin, airport lounge",
        "price": "ticket prices+, taxi fares+, baggage fees+",
    },
    "venue": {
        "staff": "usher, lead singer, comedian, magician, box office clerk, ushers+, guide",
        "event": "concert, comedy show, magic show, play, movie, jazz festival, art exhibit, opera, "
        "photo exhibit, lecture, film festival, ballet",
        "item soft": "theater seats+, balcony seats+, benches+",
        "item device": "speakers+, microphone, projector",
        "food": "popcorn~, hot dogs+, pretzels+, snacks+",
        "place": "ticket booth, front entrance, gift shop",
        "place room": "main hall, gallery, auditorium",
        "price": "ticket prices+, snack prices+, parking fees+",
    },
    "office": {
        "staff": "bank teller, loan officer, insurance agent, mail carrier, operator, lawyer, "
        "accountant, realtor, tutor, librarian",
        "work task": "loan application, tax return, passport renewal, mail service~, phone support~, online form",
        "item device computer": "mobile app, website, ticket machine, cash machine",
        "place": "help desk, counter",
        "place room": "reading room, meeting room, lobby",
        "event": "cooking class, piano lesson, language course",
        "price": "bank fees+, loan rates+, tuition fees+",
    },
}

VENUES: dict[str, str] = {
    "restaurant": "restaurant, diner, bistro, steakhouse, pizzeria, bakery, cafe, food truck",
    "hotel": "hotel, motel, inn, resort, hostel",
    "shop": "store, shop, boutique, outlet, department store",
    "garage": "garage, repair shop, body shop, dealership",
    "home": "moving company, service company, family business, home store",
    "salon": "salon, barber shop, beauty salon, spa",
    "clinic": "clinic, dental office, hospital, health center, practice",
    "gym": "gym, fitness center, health club",
    "travel": "airport, train station, bus station, travel agency",
    "venue": "theater, museum, cinema, concert hall",
    "office": "bank, post office, agency, library",
}

# What a customer says of the visit ("i ... / we ...", past tense), and what for.
VISITS: dict[str, str] = {
    "restaurant": "ate here, came here, stopped by, had dinner here",
    "hotel": "stayed here, got a room, booked a room, spent a night here",
    "shop": "shopped here, came here, stopped by, walked inside",
    "garage": "brought the car here, stopped by, dropped the truck off",
    "home": "called them, hired them, signed a contract",
    "salon": "walked inside, came here, made an appointment",
    "clinic": "came here, had an appointment, saw a doctor here",
    "gym": "joined this gym, trained here, signed up",
    "travel": "flew with them, bought tickets, traveled with them",
    "venue": "bought tickets, came here, spent an evening here",
    "office": "came here, called them, walked inside",
}
PURPOSES: dict[str, str] = {
    "restaurant": "for lunch, for dinner, for brunch, for a birthday party, for a quick bite, for dessert",
    "hotel": "for one night, for a wedding, for a business trip, for a long weekend, for a conference",
    "shop": "for a gift, for school supplies, for winter clothes, for new furniture",
    "garage": "for an inspection, for new tires, for a flat tire, for a small dent",
    "home": "for a leaky faucet, for a broken window, for spring cleaning, for a new roof",
    "salon": "for a trim, for a wedding, for a new look, for the weekend",
    "clinic": "for a toothache, for a checkup, for a second opinion, for a sore back",
    "gym": "for a free trial, for a month, for the summer, for a morning workout",
    "travel": "for a family vacation, for a day trip, for a work trip, for the holidays",
    "venue": "for a matinee, for a date, for a school trip, for the opening night",
    "office": "for a passport, for a new account, for some advice, for a small loan",
}
# Errands of the staff: base form | past form.
TASKS: dict[str, str] = {
    "restaurant": "bring the check|brought the check, take our order|took our order, "
    "refill our glasses|refilled our glasses, clear the table|cleared the table, "
    "explain the menu|explained the menu, split the bill|split the bill",
    "hotel": "carry our bags|carried our bags, give us directions|gave us directions, "
    "change the sheets|changed the sheets, call a cab|called a cab, "
    "find our reservation|found our reservation",
    "shop": "answer my questions|answered my questions, wrap the gift|wrapped the gift, "
    "check the stock|checked the stock, find the right size|found the right size, "
    "open the register|opened the register",
    "garage": "check the brakes|checked the brakes, explain the bill|explained the bill, "
    "fix the leak|fixed the leak, call me back|called me back, test the engine|tested the engine",
    "home": "return my calls|returned my calls, explain the bill|explained the bill, "
    "protect the floors|protected the floors, answer my questions|answered my questions, "
    "finish the job|finished the job",
    "salon": "listen to me|listened to me, confirm my appointment|confirmed my appointment, "
    "clean the tools|cleaned the tools, explain the treatment|explained the treatment",
    "clinic": "explain the results|explained the results, answer my questions|answered my questions, "
    "read my chart|read my chart, call me back|called me back, check the records|checked the records",
    "gym": "explain the rules|explained the rules, answer my emails|answered my emails, "
    "check our names|checked our names, adjust the machine|adjusted the machine",
    "travel": "explain the delay|explained the delay, answer our questions|answered our questions, "
    "greet the passengers|greeted the passengers, check the schedule|checked the schedule",
    "venue": "greet the crowd|greeted the crowd, answer our questions|answered our questions, "
    "check our tickets|checked our tickets, thank the audience|thanked the audience",
    "office": "return my calls|returned my calls, check the forms|checked the forms, "
    "explain the rules|explained the rules, update my address|updated my address",
}

# What one does with a noun of each kind: base | past | gerund | participle.
KIND_VERBS: dict[str, str] = {
    "food": "order|ordered|ordering|ordered, try|tried|trying|tried",
    "drink": "order|ordered|ordering|ordered, try|tried|trying|tried",
    "goods": "buy|bought|buying|bought, order|ordered|ordering|ordered, choose|chose|choosing|chosen",
    "item": "use|used|using|used, try|tried|trying|tried",
    "work": "book|booked|booking|booked, choose|chose|choosing|chosen",
    "event": "attend|attended|attending|attended, go to|went to|going to|gone to",
    "staff": "talk to|talked to|talking to|talked to, deal with|dealt with|dealing with|dealt with",
}
DETERMINERS: dict[str, str] = {
    "food": "the, the, their, my",
    "drink": "the, the, their, my",
    "goods": "the, the, my, our",
    "item": "the, the, their",
    "staff": "the, the, our",
    "place": "the, the, their",
    "work": "the, the, my, our",
    "event": "the, the, this",
    "price": "the, their",
}

TIMES = (
    "last night, yesterday, last week, this morning, on friday, on saturday, on sunday, on monday, "
    "last month, last summer, in june, in march, in october, two days ago, a week ago, this afternoon, "
    "over the holidays, at noon, before the game, after work, on our anniversary, on my birthday, "
    "around midnight, on a rainy tuesday, last winter, three weeks ago, on thanksgiving, "
    "after the storm, this spring"
)
LOCATIONS = (
    "on main street, near the station, downtown, at the mall, by the lake, next to the stadium, "
    "across from the school, in the old town, on fifth avenue, near the airport, by the river, "
    "close to the beach, behind the church, off the highway, in chicago, in boston, in dallas, "
    "in denver, in seattle, at the harbor, near city hall, uptown, on the corner, on the west side"
)
PEOPLE = (
    "wife, husband, kids+, parents+, friends+, sister, boss, coworkers+, roommate, girlfriend, "
    "neighbors+, daughter, grandmother, cousin, brother, boyfriend, uncle, twins+, nephew, mother, son, "
    "aunt, fiance, teammates+"
)
MONEY = (
    "ten dollars, twenty dollars, forty dollars, sixty dollars, ninety dollars, fifteen bucks, "
    "eighty bucks, a hundred dollars, two hundred dollars"
)
OCCASIONS = (
    "birthday, anniversary, weekend, vacation, date night, family reunion, holiday, honeymoon, day off, "
    "monday morning, road trip, girls night, afternoon, visit"
)
COMPARED = (
    "last time, last year, before, i remembered, down the road, two years ago, across the street, back home, next door"
)

# Intensifiers are content (the same word for both sentiments); a neutral adjective wants a modest one.
INTENSIFIERS: dict[str, str] = {
    "gradable": "very / very / fairly, so / so / rather, really / really / rather, "
    "extremely / extremely / fairly, incredibly / incredibly / rather, pretty / pretty / pretty, "
    "surprisingly / surprisingly / fairly",
    "extreme": "absolutely / absolutely / perfectly, truly / truly / fairly, simply / simply / simply, "
    "just / just / just, really / really / really",
}
