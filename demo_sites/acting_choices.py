"""Lists of every make: native, by role, in portals, typed ahead, dependent on each other, and without the wanted option."""

from __future__ import annotations

import time
from typing import Any

from flask import jsonify, request

from demo_sites.acting import BASIC, EMAIL, MESSAGE, NAMES, PHONE, SENT, form_site, must_be
from demo_sites.server import SITES

MAKES = ("Acura", "Ford", "Honda", "Toyota")
MODELS = {"Honda": ("Accord", "Civic", "CR-V"), "Ford": ("Escape", "F-150"), "Toyota": ("Camry", "Corolla")}


def options(*names: str, first: str = "Select one") -> str:
    return f'<option value="">{first}</option>' + "".join(f'<option value="{n.lower()}">{n}</option>' for n in names)


form_site(
    "pick-native",
    "Native lists with groups",
    BASIC
    + f"""<p><label>State * <select name="state" required><option value="">State</option>
<option value="CA">California</option><option value="KS">Kansas</option><option value="TX">Texas</option></select></label></p>
<p><label>Make * <select name="make" required>{options(*MAKES)}</select></label></p>
<p><label>How can we help? * <select name="topic" required><option value="">-- Please select --</option>
<optgroup label="Service"><option value="sv">Service appointment</option><option value="pt">Parts</option></optgroup>
<optgroup label="Sales"><option value="new">New vehicle sales</option><option value="gen">General inquiry</option></optgroup></select></label></p>
<p><label>Preferred contact method * <select name="way" required>{options("Phone", "Text message", "Email")}</select></label></p>""",
    check=must_be(state="TX", make="honda", topic="new", way="email"),
)
form_site(
    "pick-other",
    "A list without the wanted option, but with an honest one",
    BASIC + f'<p><label>Make * <select name="make" required>{options("Acura", "Ford", "Other")}</select></label></p>',
    check=must_be(make="other"),
)
form_site(
    "pick-missing",
    "A list without the wanted option",
    BASIC + f'<p><label>Make * <select name="make" required>{options("Acura", "Ford")}</select></label></p>',
    expect={"failure": "dropdown_option_missing"},
)
form_site(
    "pick-radio",
    "Radio groups",
    BASIC
    + """<fieldset><legend>Preferred contact method *</legend>
<label><input type="radio" name="way" value="1" required> Phone call</label>
<label><input type="radio" name="way" value="2" required> Text message</label>
<label><input type="radio" name="way" value="3" required> Email</label></fieldset>
<fieldset><legend>Are you interested in a new or used vehicle? *</legend>
<label><input type="radio" name="condition" value="n" required> New</label>
<label><input type="radio" name="condition" value="u" required> Used</label></fieldset>""",
    check=must_be(way="3", condition="n"),
)
_LIST_STYLE = """<style>.box{border:1px solid #888;width:14em;padding:4px;min-height:1em}.list{border:1px solid #888;width:14em;background:#fff}
.list div{padding:4px}</style>"""
form_site(
    "pick-listbox",
    "A listbox by role",
    BASIC
    + _LIST_STYLE
    + """<p id="mk">Make *</p><div class="box" role="combobox" tabindex="0" aria-haspopup="listbox" aria-expanded="false" aria-controls="lb"
 aria-labelledby="mk" aria-required="true" id="cb">Select a make</div>
<div class="list" role="listbox" id="lb" hidden>"""
    + "".join(f'<div role="option" data-v="{m}">{m}</div>' for m in MAKES)
    + '</div><input type="hidden" name="make">',
    after="""<script>
const cb = document.getElementById('cb'), lb = document.getElementById('lb');
cb.addEventListener('click', () => { lb.hidden = !lb.hidden; cb.setAttribute('aria-expanded', String(!lb.hidden)); });
lb.addEventListener('click', e => {
  const option = e.target.closest('[role=option]');
  cb.textContent = option.textContent; document.querySelector('[name=make]').value = option.dataset.v;
  lb.hidden = true; cb.setAttribute('aria-expanded', 'false');
});</script>""",
    check=must_be(make="Honda"),
)
form_site(
    "pick-portal",
    "Options in a portal made by the click",
    BASIC
    + _LIST_STYLE
    + """<p><span id="ml">Vehicle make *</span></p><button type="button" class="box" id="opener" aria-haspopup="listbox" aria-labelledby="ml opener"
 aria-required="true">Choose...</button><input type="hidden" name="make">""",
    after="""<script>
document.getElementById('opener').addEventListener('click', e => {
  setTimeout(() => {
    const list = document.createElement('div');
    list.className = 'list menu'; list.style.cssText = 'position:absolute;left:40px;top:40px;z-index:9';
    list.setAttribute('role', 'listbox');
    for (const make of ['Acura', 'Ford', 'Honda', 'Toyota']) {
      const item = document.createElement('div'); item.setAttribute('role', 'option'); item.textContent = make;
      item.addEventListener('mousedown', () => {
        document.querySelector('[name=make]').value = make; e.target.textContent = make; list.remove();
      });
      list.appendChild(item);
    }
    document.body.appendChild(list);
  }, 120);
});</script>""",
    check=must_be(make="Honda"),
)
form_site(
    "pick-ahead",
    "A type-ahead that clears free text",
    BASIC
    + _LIST_STYLE
    + """<p><label>Vehicle make * <input name="make_text" id="ta" role="combobox" aria-autocomplete="list" aria-controls="sg" required
 autocomplete="off"></label></p><ul role="listbox" id="sg" class="list" hidden></ul><input type="hidden" name="make">""",
    after="""<script>
const ta = document.getElementById('ta'), sg = document.getElementById('sg'), value = document.querySelector('[name=make]');
ta.addEventListener('input', () => {
  value.value = '';
  setTimeout(() => {
    sg.innerHTML = '';
    for (const make of ['Acura', 'Ford', 'Honda', 'Honda Powersports', 'Toyota'])
      if (ta.value && make.toLowerCase().startsWith(ta.value.toLowerCase())) {
        const item = document.createElement('li'); item.setAttribute('role', 'option'); item.textContent = make;
        item.addEventListener('mousedown', e => { e.preventDefault(); ta.value = make; value.value = make; sg.hidden = true; });
        sg.appendChild(item);
      }
    sg.hidden = !sg.children.length;
  }, 100);
});
ta.addEventListener('blur', () => { sg.hidden = true; if (!value.value) ta.value = ''; });</script>""",
    check=must_be(make="Honda"),
)
form_site(
    "pick-behind",
    "A hidden list behind a widget",
    BASIC
    + _LIST_STYLE
    + f"""<p><label for="mk" id="mkl">Make *</label><select name="make" id="mk" required class="select2-hidden-accessible"
 style="position:absolute;width:1px;height:1px;clip:rect(0 0 0 0);overflow:hidden;border:0" tabindex="-1" aria-hidden="true">{options(*MAKES)}</select>
<span class="box select2-selection" role="combobox" aria-haspopup="true" aria-expanded="false" tabindex="0" aria-labelledby="mkl w">
<span id="w">Select one</span></span></p>""",
    after="""<script>
const select = document.getElementById('mk'), shown = document.getElementById('w'), widget = document.querySelector('.select2-selection');
select.addEventListener('change', () => { shown.textContent = select.selectedOptions[0].textContent; });
widget.addEventListener('click', () => {
  if (document.querySelector('.list')) return;
  const list = document.createElement('ul'); list.className = 'list select2-results__options'; list.setAttribute('role', 'listbox');
  [...select.options].slice(1).forEach(o => {
    const item = document.createElement('li'); item.setAttribute('role', 'option'); item.textContent = o.textContent;
    item.addEventListener('click', () => { select.value = o.value; select.dispatchEvent(new Event('change')); list.remove(); });
    list.appendChild(item);
  });
  document.body.appendChild(list);
});</script>""",
    check=must_be(make="honda"),
)
_DEPENDENT = NAMES + EMAIL + PHONE + "".join(
    f'<p><label>{label} * <select name="{name}" required {"disabled" if late else ""}>{late or given}</select></label></p>'
    for label, name, given, late in (
        ("Year", "year", '<option value="">Year</option><option>2023</option><option>2024</option>', ""),
        ("Make", "make", "", '<option value="">Make</option>'),
        ("Model", "model", "", '<option value="">Model</option>'),
    )
) + MESSAGE  # fmt: skip
form_site(
    "pick-dependent",
    "Year, then make, then model, each loaded by the one before",
    _DEPENDENT,
    after="""<script>
const by = name => document.querySelector(`[name=${name}]`);
async function load(from, to) {
  by(to).disabled = true;
  const found = await (await fetch(`/options?list=${to}&of=${by(from).value}`)).json();
  by(to).innerHTML = `<option value="">${to}</option>` + found.map(o => `<option>${o}</option>`).join('');
  by(to).disabled = false;
}
by('year').addEventListener('change', () => load('year', 'make'));
by('make').addEventListener('change', () => load('make', 'model'));</script>""",
    check=must_be(year="2024", make="Honda", model="Civic"),
)


@SITES["pick-dependent"].get("/options")
def load_options() -> Any:
    time.sleep(0.25)  # as slow as a real one
    return jsonify(MAKES if request.args["list"] == "make" else MODELS.get(request.args["of"], ()))


form_site(
    "pick-unknown",
    "A required question that the enquiry does not answer",
    BASIC + '<p><label>What is your favourite colour? * <input name="colour" required></label></p>',
    expect={"failure": "field_not_found"},
)
form_site(
    "pick-heard",
    "How did you hear of us, with an honest way out",
    BASIC
    + f'<p><label>How did you hear about us? * <select name="heard" required>{options("Radio", "A friend", "Other")}</select></label></p>',
    expect=SENT,
    check=must_be(heard="other"),
)
