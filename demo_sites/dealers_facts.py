"""Who the demo's dealerships are, one a line; they stand 0 to 200 miles around Columbus, Ohio, four farther off."""

from __future__ import annotations

from typing import Any

# name | title | street | town | state | ZIP | latitude | longitude | phone | look | accent | makes | tagline | place
_TABLE = """
maple-street-motors|Maple Street Motors|418 Maple Street|Columbus|OH|43215|39.9671|-83.0044|(614) 555-0101|harbor|#d9622b|Honda,Toyota|Good cars, plainly priced
lakeview-auto|Lakeview Auto Group|2200 Lakeview Drive|Columbus|OH|43085|40.0999|-83.0157|(614) 555-0102|meadow|#2f6f5e|Subaru,Honda|Drive something you will keep
buckeye-valley-honda|Buckeye Valley Honda|77 Sandusky Street|Delaware|OH|43015|40.2932|-83.0723|(740) 555-0103|harbor|#c1272d|Honda|Your Honda store in Delaware County
granville-chevrolet|Granville Chevrolet|1500 Granville Road|Newark|OH|43055|40.0724|-82.4046|(740) 555-0104|avenue|#b58a00|Chevrolet|Licking County drives Chevrolet
hocking-hills-jeep|Hocking Hills Jeep|3300 Logan Lancaster Road|Lancaster|OH|43130|39.7187|-82.6031|(740) 555-0105|garage|#4f8a2f|Jeep,Ram|Built for the back road
marion-subaru|Marion Subaru|901 Harding Way|Marion|OH|43302|40.5876|-83.1271|(740) 555-0106|meadow|#1f5fa8|Subaru|All wheels, all weather
union-county-kia|Union County Kia|640 Delaware Avenue|Marysville|OH|43040|40.2477|-83.3622|(937) 555-0107|harbor|#a3123a|Kia|Ten years of not worrying
wayne-motors|Wayne Motors|12 Fayette Center|Washington Court House|OH|43160|39.5370|-83.4550|(740) 555-0108|chrome|#2b5d9b|Ford,Chevrolet|Trucks that earn their keep
olentangy-auto|Olentangy Auto|5100 Post Road|Dublin|OH|43017|40.1093|-83.1146|(614) 555-0109|paper|#0a6e6e|Toyota,Subaru|Fewer cars. Better cars.
linden-garage|Linden Garage|1861 Hudson Street|Columbus|OH|43201|39.9952|-83.0047|(614) 555-0110|paper|#7a3cc0|Honda,Nissan|Used cars with a past we know
short-north-motors|Short North Motors|744 High Street|Columbus|OH|43215|39.9720|-83.0030|(614) 555-0111|meadow|#3d3d3d|Toyota,Kia|A quiet place to buy a car
findlay-hyundai|Findlay Hyundai|1200 Main Street|Findlay|OH|45840|41.0449|-83.6457|(419) 555-0112|harbor|#0b4f9e|Hyundai|Flag City's Hyundai people
great-seal-auto|Great Seal Auto|250 Paint Street|Chillicothe|OH|45601|39.3380|-82.9895|(740) 555-0113|garage|#c9362d|Ford,Ram|Ross County's truck lot
flag-city-cars|Flag City Cars|31 Blanchard Avenue|Findlay|OH|45840|41.0390|-83.6500|(419) 555-0114|paper|#1747b5|Chevrolet,Kia|Three questions to your next car
pickaway-motors|Pickaway Motors|610 Court Street|Circleville|OH|43113|39.5988|-82.9300|(740) 555-0115|chrome|#c05a12|Ford,Nissan|Pumpkin town prices
clark-county-toyota|Clark County Toyota|2401 Main Street|Springfield|OH|45505|39.9106|-83.7856|(937) 555-0116|chrome|#b3261e|Toyota|Miles ahead in Springfield
logan-auto|Logan Auto Sales|118 Main Street|Bellefontaine|OH|43311|40.3605|-83.7571|(937) 555-0117|chrome|#3b6e22|Chevrolet,Jeep|On the oldest concrete street in America
bobs-auto-ranch|Bob's Auto Ranch|RR 2, Box 40|Kenton|OH|43326|40.6404|-83.6111|(419) 555-0118|cgi|#000080|Ford,Chevrolet|If Bob won't drive it, Bob won't sell it|zip
riverbend-ford|Riverbend Ford|800 Front Street|Marietta|OH|45750|39.4281|-81.4644|(740) 555-0119|harbor|#164f9c|Ford|Where two rivers and ten F-150s meet
scioto-valley-ford|Scioto Valley Ford|4100 Gallia Street|Portsmouth|OH|45662|38.7932|-82.9306|(740) 555-0120|avenue|#0d3f86|Ford|Portsmouth's Ford store
miami-valley-nissan|Miami Valley Nissan|900 Main Street|Dayton|OH|45402|39.7563|-84.1895|(937) 555-0121|avenue|#b0122a|Nissan,Honda|Dayton takes off with us
queen-city-honda|Queen City Honda|222 Vine Street|Cincinnati|OH|45202|39.1072|-84.5020|(513) 555-0122|harbor|#a4161a|Honda|Seven hills, one Honda store
gem-city-chevrolet|Gem City Chevrolet|1717 Third Street|Dayton|OH|45402|39.7580|-84.1700|(937) 555-0123|avenue|#946c00|Chevrolet,Honda|Everything under one roof
north-coast-cars|North Coast Cars|55 Water Street|Sandusky|OH|44870|41.4349|-82.7063|(419) 555-0124|paper|#0077a8|Kia,Hyundai|By the lake, by the book
lake-erie-auto|Lake Erie Auto|3300 Perkins Avenue|Sandusky|OH|44870|41.4260|-82.6890|(419) 555-0125|harbor|#117a8b|Toyota,Nissan|Three short steps to a better car
firelands-jeep|Firelands Jeep|700 Broad Street|Elyria|OH|44035|41.3724|-82.1051|(440) 555-0126|garage|#d07a1f|Jeep|Mud included
amish-country-auto|Amish Country Auto|Route 62|Massillon|OH|44646|40.8116|-81.4973|(330) 555-0127|meadow|#7a4b1e|Subaru,Toyota|Horsepower, the other kind|zip
tusc-motors|Tusc Motors|144 Tuscora Avenue|New Philadelphia|OH|44663|40.4845|-81.4358|(330) 555-0128|harbor|#5a3ea1|Hyundai,Kia|Small lot, long warranty
stark-auto-mall|Stark Auto Mall|6000 Whipple Avenue|North Canton|OH|44720|40.7989|-81.3784|(330) 555-0129|chrome|#7b1e3a|Chevrolet,Ford,Kia|Six acres of cars
rose-city-motors|Rose City Motors|1990 Limestone Street|Springfield|OH|45505|39.9200|-83.8000|(937) 555-0130|meadow|#b03060|Honda,Hyundai|Every car comes with a rose
casa-de-autos|Casa de Autos|3470 Cleveland Avenue|Columbus|OH|43201|40.0150|-82.9800|(614) 555-0131|garage|#e0a100|Toyota,Honda|Su familia, su carro, su precio
monroe-gate-autos|Monroe Gate Autos|88 River Raisin Road|Monroe|MI|48161|41.9080|-83.4719|(734) 555-0132|paper|#1d4e89|Jeep,Ford|Deux langues, une poignée de main
wooster-wheels|Wooster Wheels|412 Liberty Street|Wooster|OH|44691|40.8094|-81.9483|(330) 555-0133|paper|#8a5a00|Subaru,Ford|College town cars
kokosing-auto|Kokosing Auto|15 Public Square|Mount Vernon|OH|43050|40.3849|-82.4873|(740) 555-0134|meadow|#3f6b2a|Ford,Toyota|Colonial town, current models
hometown-cars|Hometown Cars|1 Depot Street|London|OH|43140|39.9001|-83.4439|(740) 555-0135|harbor|#2d6a4f|Chevrolet,Ram|You know us from church
mountaineer-motors|Mountaineer Motors|1000 University Avenue|Morgantown|WV|26505|39.6505|-79.9440|(304) 555-0136|garage|#d8a100|Ford,Jeep|Uphill both ways
ohio-river-auto|Ohio River Auto|520 Market Street|Parkersburg|WV|26101|39.2644|-81.5354|(304) 555-0137|chrome|#156064|Chevrolet,Nissan|Cross the bridge and save
bluegrass-auto|Bluegrass Auto|2300 Nicholasville Road|Lexington|KY|40503|38.0010|-84.5282|(859) 555-0138|meadow|#20458f|Toyota,Kia|Thoroughbreds and reliable sedans
wolverine-imports|Wolverine Imports|3700 Jackson Avenue|Ann Arbor|MI|48104|42.2694|-83.7282|(734) 555-0139|harbor|#c28e00|Honda,Subaru|Imports, understood
hoosier-motors|Hoosier Motors|1500 Meridian Street|Indianapolis|IN|46202|39.7851|-86.1595|(317) 555-0140|paper|#9d1c2e|Chevrolet,Honda|The car lot, rewritten
three-rivers-auto|Three Rivers Auto|60 Beau Street|Washington|PA|15301|40.1717|-80.2560|(724) 555-0141|harbor|#31572c|Subaru,Ford|South of the city, under the price
wheeling-auto-park|Wheeling Auto Park|1201 Main Street|Wheeling|WV|26003|40.1027|-80.6476|(304) 555-0142|garage|#2a7fb8|Kia,Ram|One page, all you need
athens-auto|Athens Auto Exchange|400 Union Street|Athens|OH|45701|39.3178|-82.1020|(740) 555-0143|chrome|#2e6b3f|Honda,Nissan|Student budget, grown-up cars
fort-wayne-kia|Fort Wayne Kia|4800 Coliseum Boulevard|Fort Wayne|IN|46802|41.0707|-85.1543|(260) 555-0144|avenue|#8e1230|Kia,Hyundai|Allen County's Kia store
adrian-toyota|Adrian Toyota|1300 Main Street|Adrian|MI|49221|41.9005|-84.0446|(517) 555-0145|avenue|#c0151c|Toyota,Honda|Lenawee County's Toyota store|zip
capital-imports|Capital Imports|1450 Broad Street|Columbus|OH|43215|39.9640|-82.9690|(614) 555-0146|harbor|#34495e|Honda,Nissan|Imports for the capital
cardinal-auto|Cardinal Auto|310 Pearl Street|Covington|KY|41011|39.0708|-84.5212|(859) 555-0147|harbor|#b3122b|Toyota|Across the river
speedway-cars|Speedway Cars|1600 Main Street|Richmond|IN|47374|39.8324|-84.8936|(765) 555-0148|garage|#e04e1b|Chevrolet|Fast answers
fortress-motors|Fortress Motors|9 Fort Street|Steubenville|OH|43952|40.3698|-80.6340|(740) 555-0149|garage|#7a7a7a|Ford|Safe as a fort
sleepy-hollow-auto|Sleepy Hollow Auto|44 Hollow Road|Coshocton|OH|43812|40.2754|-81.8660|(740) 555-0150|meadow|#5b6e4a|Subaru|No hurry|none
last-chance-cars|Last Chance Cars|1 Exit Road|Hillsboro|OH|45133|39.1679|-83.6064|(937) 555-0151|chrome|#444444|Ford|Gone fishing
old-town-motors|Old Town Motors|20 Federal Plaza|Youngstown|OH|44502|41.0774|-80.6409|(330) 555-0152|chrome|#5a3d2b|Chevrolet|Since the mills
kenton-sales|Hardin County Sales|600 Detroit Street|Kenton|OH|43326|40.6470|-83.6090|(419) 555-0153|chrome|#2f4f4f|Ford,Jeep|Write to us any time
twin-city-auto|Twin City Auto|700 Wooster Avenue|Massillon|OH|44646|40.7970|-81.5220|(330) 555-0154|harbor|#0f766e|Hyundai,Ford|Two lots, one family
club-auto|Club Auto Brokers|5 Fountain Square|Cincinnati|OH|45202|39.1015|-84.5120|(513) 555-0155|paper|#4a3f8f|Honda,Kia|Members pay less
thunder-cycles|Thunder Cycles|2600 Dixie Highway|Hamilton|OH|45011|39.4059|-84.5221|(513) 555-0156|garage|#f05a00|Jeep|Two wheels are plenty
zanesville-trucks|Zanesville Trucks|1880 Linden Avenue|Zanesville|OH|43701|39.9274|-82.0041|(740) 555-0157|garage|#3c7dc4|Ram,Ford|Y-Bridge haulers
glitch-garage|Galion Garage|130 Harding Way|Galion|OH|44833|40.7303|-82.7939|(419) 555-0158|paper|#c2185b|Nissan,Kia|Wired for speed
middletown-motors|Middletown Motors|3000 Central Avenue|Middletown|OH|45042|39.5321|-84.3896|(513) 555-0159|harbor|#7c3f00|Ford,Toyota|In the middle of it all
quiet-lane-autos|Quiet Lane Autos|9 Quiet Lane|Loveland|OH|45140|39.2445|-84.2588|(513) 555-0160|meadow|#8b5e83|Honda,Toyota|Shhh. Good prices.
shifting-gears|Shifting Gears|215 Main Street|Mansfield|OH|44903|40.7623|-82.5254|(419) 555-0161|harbor|#345c9c|Subaru,Kia|Always something new
slowpoke-auto|Slowpoke Auto|88 Turtle Creek|Wilmington|OH|45177|39.4488|-83.8417|(937) 555-0162|chrome|#57702b|Ford|Worth the wait
private-reserve-motors|Private Reserve Motors|1 Reserve Lane|Philadelphia|PA|19103|39.9513|-75.1741|(215) 555-0163|paper|#22223b|Jeep,Honda|By appointment
lima-auto|Lima Auto Center|400 Elida Road|Lima|OH|45804|40.7275|-84.0890|(419) 555-0164|chrome|#8c2f39|Chevrolet,Kia|Beans, tanks and good cars
parkway-autos|Parkway Autos|700 Parkway Drive|Nashville|TN|37203|36.1504|-86.7916|(615) 555-0165|harbor|#5c2751|Nissan,Toyota|Music City mileage
ashland-credit-cars|Ashland Credit Cars|33 Claremont Avenue|Ashland|OH|44805|40.8559|-82.3189|(419) 555-0166|avenue|#1b6e8c|Kia,Hyundai|Everybody rides|none
lakeshore-cars|Lakeshore Cars|1 Upper Wacker Drive|Chicago|IL|60601|41.8858|-87.6181|(312) 555-0167|harbor|#0b7285|Toyota,Hyundai|Windy city, calm prices
blue-ridge-subaru|Blue Ridge Subaru|1900 Brambleton Avenue|Roanoke|VA|24018|37.2167|-80.0386|(540) 555-0168|meadow|#3a6ea5|Subaru|Over the mountains
"""


def rows() -> list[tuple[Any, ...]]:
    """The fields of `dealers.Dealer`, in their order."""
    found = []
    for line in _TABLE.strip().splitlines():
        cells: list[Any] = line.split("|")
        cells[6], cells[7], cells[11] = float(cells[6]), float(cells[7]), tuple(cells[11].split(","))
        found.append(tuple(cells))
    return found
