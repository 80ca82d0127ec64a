"""What demo leads are called. None of it is a real person or business."""

from __future__ import annotations

FIRST = """
Aaron Abigail Adriana Aisha Alan Alejandro Alicia Amanda Amir Amy Andrea Andre Angela Anita Anthony April Arturo Ashley Beatriz
Benjamin Beth Brandon Brenda Brian Bruce Caleb Camila Carl Carlos Carmen Caroline Catherine Cesar Charlene Chloe Christina Clara
Claire Colin Connie Craig Crystal Curtis Cynthia Dale Damian Dana Daniel Darius Darlene David Dawn Deborah Denise Derek Diana
Diego Donald Donna Doris Dustin Dylan Edgar Edith Edward Elaine Elena Eli Elizabeth Ellen Emily Emma Eric Erin Ernesto Esther
Ethan Eva Evan Fatima Felix Fiona Frances Frank Gabriela Gary George Gina Glenn Gloria Grace Grant Greg Hannah Harold Hassan
Heather Hector Helen Henry Holly Howard Ian Irene Isaac Isabel Ivan Jack Jacqueline Jamal James Janet Jared Jasmine Jason Javier
Jean Jeffrey Jenna Jerome Jessica Jill Joan Joel Jonathan Jordan Jorge Joseph Joyce Juan Judith Julia Karen Karl Kate Kathleen
Keith Kelly Kenneth Kevin Kim Kristen Kurt Kyle Lamar Laura Lauren Leah Leo Leslie Lillian Linda Lisa Logan Lorenzo Louis Lucia
Luis Lydia Malik Manuel Marcus Margaret Maria Marilyn Mario Mark Martha Martin Mateo Matthew Maya Megan Melissa Michelle Miguel
Miriam Mitchell Monica Nancy Naomi Natalie Nathan Neil Nicole Nina Noah Nora Olivia Omar Oscar Pamela Patricia Patrick Paul Peggy
Peter Philip Priya Rachel Rafael Ralph Ramona Randy Raymond Rebecca Renee Ricardo Rita Robert Roberta Roger Rosa Russell Ruth
Ryan Salma Samuel Sandra Sara Scott Sean Sergio Shannon Sharon Sheila Simon Sofia Stacy Stanley Stella Stephen Steven Susan
Tamara Tanya Teresa Theodore Tiffany Timothy Tina Todd Tracy Travis Trevor Tyler Valerie Vanessa Vera Victor Vincent Violet
Virginia Walter Wayne Wendy Wesley Xavier Yolanda Yusuf Zachary Zoe
""".split()

LAST = """
Abbott Acosta Adams Aguilar Ahmed Allen Alvarez Andersen Armstrong Arnold Atkins Avery Bailey Baker Ballard Banks Barker Barnes
Barrett Bates Becker Bell Bennett Bishop Blake Bolton Bowman Boyd Bradley Brennan Briggs Brooks Bryant Burke Burton Butler Byrne
Calderon Cameron Campbell Cannon Carlson Carpenter Carroll Carson Castillo Castro Chambers Chan Chandler Chavez Chen Christensen
Clarke Coleman Collins Contreras Cooper Cortez Cox Craig Crawford Cross Cruz Cummings Curtis Dalton Daniels Davidson Dawson Dean
Delgado Diaz Dixon Dominguez Donovan Doyle Drake Duncan Dunn Eaton Edwards Ellis Erickson Espinoza Estrada Evans Farrell Ferguson
Fernandez Fields Fischer Fisher Fleming Fletcher Flores Flynn Foster Fowler Franklin Frazier Freeman Fuentes Gallagher Garcia
Gardner Garner Garrett Gibson Gill Gomez Gordon Graham Graves Greene Griffin Gupta Gutierrez Hall Hamilton Hansen Harmon Harper
Hart Hayes Henderson Hernandez Herrera Hicks Hoffman Holland Holmes Hopkins Horton Howell Hudson Hughes Hunter Ingram Iverson
Jacobs Jenkins Jennings Jensen Jimenez Johansen Jordan Joyce Kane Kaufman Keller Kelley Kennedy Khan Kim Klein Knight Kowalski
Lambert Lane Larson Lawrence Lee Leonard Lindsey Lopez Lowe Lucas Lyons Mack Maldonado Malone Manning Marsh Marshall Mason Matthews
Maxwell McBride McCarthy McCoy McKenzie Medina Mejia Mendez Mercer Meyer Mills Molina Montgomery Morales Moreno Morgan Morris Moss
Murray Myers Navarro Newman Nguyen Nichols Nolan Norris Novak Nunez Obrien Okafor Olson Ortega Owens Padilla Palmer Park Parker
Patel Pearson Pena Perkins Perry Peters Phelps Pierce Porter Powell Price Quinn Ramirez Ramsey Reese Reeves Reyes Rhodes Richards
Riley Rios Rivera Roberts Rojas Romero Rosario Ross Rowe Russo Salazar Sanchez Sanders Santiago Sawyer Schmidt Schneider Schultz
Serrano Shaffer Shah Sharp Shaw Sheridan Silva Simmons Singh Sloan Snyder Solis Spencer Stafford Stevens Stokes Strickland Sullivan
Sutton Swanson Tanaka Tate Thornton Torres Townsend Tran Trujillo Tucker Turner Underwood Valdez Vargas Vasquez Vaughn Vega Wade
Wagner Walsh Walters Warner Watkins Weaver Webb Weber Wells Wheeler Whitaker Wilkins Winters Wolfe Woodard Yang Yates Young Zamora
Zimmerman
""".split()

PLACE = """
Northside Southgate Westfield Eastwood Riverside Lakeside Hillcrest Summit Valley Harbor Prairie Cedar Maple Oakwood Pinecrest Elm
Granite Copper Silver Golden Liberty Heritage Pioneer Frontier Cornerstone Keystone Evergreen Sunrise Sunset Bluebird Redwood
Stonebridge Crossroads Metro Capitol Union Patriot Beacon Anchor Compass Atlas Apex Premier Family Main-Street Parkway Bayview
Clearwater Meadow Highland Midtown Crescent Rockport Fairview Glenwood Ridgeline Brookside Canyon Mesa Delta Coastal Twin-Rivers
""".replace("\n", " ").split()

# What a trade's businesses are called after their place or owner, and what is written beside a lead of it.
TRADES: dict[str, dict[str, list[str]]] = {
    "dealers": {
        "names": ["Motors", "Auto Group", "Auto Sales", "Cars & Trucks", "Automotive", "Auto Mall", "Pre-Owned", "Truck Center"],
        "titles": ["General Manager", "Sales Manager", "Owner", "Dealer Principal", "Finance Manager", "Internet Sales Manager"],
        "custom": ["Makes", "Ford|Toyota|Honda|Chevrolet|Kia|Hyundai|Nissan|Used, all makes|Ram|Subaru"],
    },
    "garages": {
        "names": ["Auto Repair", "Tire & Brake", "Garage", "Collision", "Transmission", "Lube & Tune", "Body Shop", "Car Care"],
        "titles": ["Owner", "Shop Manager", "Service Manager", "Office Manager", "Lead Technician"],
        "custom": ["Bays", "2|3|4|5|6|8|10|12"],
    },
    "home": {
        "names": ["Plumbing", "Heating & Air", "Electric", "Roofing", "Landscaping", "Remodeling", "Painting", "Pest Control"],
        "titles": ["Owner", "Operations Manager", "Office Manager", "Estimator", "Dispatcher"],
        "custom": ["Crews", "1|2|3|4|5|6|9|14"],
    },
    "dental": {
        "names": ["Dental", "Family Dentistry", "Orthodontics", "Dental Care", "Smiles", "Oral Surgery", "Pediatric Dentistry"],
        "titles": ["Practice Manager", "Office Manager", "Dentist", "Owner", "Treatment Coordinator"],
        "custom": ["Chairs", "3|4|5|6|8|10|12"],
    },
    "show": {
        "names": ["Logistics", "Fleet Services", "Equipment Rental", "Supply", "Construction", "Catering", "Printing", "Security"],
        "titles": ["Fleet Manager", "Owner", "Purchasing Manager", "Operations Manager", "Director"],
        "custom": ["Vehicles", "4|8|12|20|35|60|110"],
    },
}  # fmt: skip

TAGS = ["priority", "gatekeeper", "spanish", "multi-location", "renewal", "price sensitive", "competitor", "referral"]
NOTES: dict[str, list[str]] = {
    "contacted": [
        "Spoke with the front desk, asked to send details by email.", "Good talk, wants to compare with the current supplier.",
        "Busy season, open to another call next month.", "Asked for references in the area.", "Interested, partner decides.",
    ],
    "callback": ["Call back after lunch.", "Decision maker is in tomorrow.", "Asked to be called before the morning meeting.",
                 "On the road, call when back in the office."],
    "sale": ["Signed for twelve months.", "Took the starter package.", "Agreed on the phone, contract sent."],
    "qualified": ["Budget confirmed, wants a proposal.", "Demo booked for next week.", "Fits well, three locations."],
    "not_interested": ["Has a contract until next year.", "Not looking to change.", "Too small for it, they say.", "No budget."],
    "dnc": ["Asked not to be called again.", "Said to take the number off the list."],
    "invalid": ["Wrong business.", "Number belongs to somebody else now."],
}  # fmt: skip

# Name, role, share of the dials, and how readily people talk to them.
TEAM: tuple[tuple[str, str, int, int], ...] = (
    ("Ana Ruiz", "rep", 22, 9),
    ("Ben Carter", "rep", 21, 6),
    ("Chloe Dawson", "rep", 20, 8),
    ("Darnell Price", "rep", 17, 5),
    ("Elena Novak", "rep", 15, 10),
    ("Marcus Hale", "manager", 5, 8),
)
