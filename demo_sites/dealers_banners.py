"""Cookie banners as the usual vendors draw them; each covers the form until it is answered, and remembers the answer."""

from __future__ import annotations

from demo_sites.server import page, site

ONETRUST = """<div id="onetrust-consent-sdk"><style>.onetrust-pc-dark-filter{position:fixed;inset:0;background:#0008;z-index:2147483645}#onetrust-banner-sdk{position:fixed;left:0;right:0;bottom:0;background:#fff;color:#333;padding:24px 32px;z-index:2147483646;box-shadow:0 0 18px #0005}#onetrust-banner-sdk .ot-sdk-row{display:flex;gap:40px;align-items:center;max-width:1200px;margin:auto}#onetrust-button-group-parent{flex:none}#onetrust-button-group{display:flex;gap:10px;white-space:nowrap}#onetrust-banner-sdk button{background:#2e3644;color:#fff;border-radius:2px;font-size:.82em}#onetrust-pc-btn-handler{background:none!important;color:#2e3644!important;text-decoration:underline}</style>
<div class="onetrust-pc-dark-filter ot-fade-in"></div><div id="onetrust-banner-sdk" class="otFlat bottom ot-wo-title" tabindex="0" role="region" aria-label="Cookie banner"><div role="alertdialog" aria-describedby="onetrust-policy-text" aria-modal="true" aria-label="Privacy"><div class="ot-sdk-container"><div class="ot-sdk-row"><div id="onetrust-group-container"><div id="onetrust-policy-text">By clicking "Accept All Cookies", you agree to the storing of cookies on your device to enhance site navigation, analyze site usage, and assist in our marketing efforts.</div></div><div id="onetrust-button-group-parent"><div id="onetrust-button-group"><button id="onetrust-pc-btn-handler" aria-label="Cookies Settings, Opens the preference center dialog">Cookies Settings</button><button id="onetrust-reject-all-handler">Reject All</button><button id="onetrust-accept-btn-handler">Accept All Cookies</button></div></div></div></div></div></div></div>
<script>(function () { var sdk = document.getElementById('onetrust-consent-sdk');
if (document.cookie.includes('OptanonAlertBoxClosed')) { sdk.remove(); return; }
document.documentElement.style.overflow = 'hidden';
['onetrust-reject-all-handler', 'onetrust-accept-btn-handler'].forEach(function (id) { document.getElementById(id).onclick = function () { document.cookie = 'OptanonAlertBoxClosed=' + id.slice(10, 16) + ';path=/'; document.documentElement.style.overflow = ''; sdk.remove(); }; }); })();</script>"""

COOKIEBOT = """<style>#CybotCookiebotDialogBodyUnderlay{position:fixed;inset:0;background:#000;opacity:.4;z-index:2147483630}#CybotCookiebotDialog{position:fixed;top:14vh;left:50%;transform:translateX(-50%);width:min(760px,92vw);background:#fff;color:#141414;border-radius:20px;box-shadow:0 32px 68px #0005;padding:34px;z-index:2147483631;font-family:sans-serif}#CybotCookiebotDialogFooter{display:flex;gap:12px}#CybotCookiebotDialogFooter button{flex:1;border:2px solid #188600;background:#fff;color:#188600;text-shadow:none}#CybotCookiebotDialogFooter #CybotCookiebotDialogBodyLevelButtonLevelOptinAllowAll{background:#188600;color:#fff}</style>
<div id="CybotCookiebotDialogBodyUnderlay"></div><div id="CybotCookiebotDialog" name="CybotCookiebotDialog" role="dialog" aria-modal="true" aria-labelledby="CybotCookiebotDialogBodyContentTitle"><div class="CybotCookiebotDialogContentWrapper"><h2 id="CybotCookiebotDialogBodyContentTitle">This website uses cookies</h2><div id="CybotCookiebotDialogBodyContentText">We use cookies to personalise content and ads, to provide social media features and to analyse our traffic. We also share information about your use of our site with our partners.</div><br><div id="CybotCookiebotDialogFooter"><button id="CybotCookiebotDialogBodyButtonDecline" class="CybotCookiebotDialogBodyButton" lang="en">Deny</button><button id="CybotCookiebotDialogBodyLevelButtonCustomize" class="CybotCookiebotDialogBodyButton" lang="en">Customize</button><button id="CybotCookiebotDialogBodyLevelButtonLevelOptinAllowAll" class="CybotCookiebotDialogBodyButton" lang="en">Allow all</button></div></div></div>
<script>(function () { var parts = [document.getElementById('CybotCookiebotDialog'), document.getElementById('CybotCookiebotDialogBodyUnderlay')];
function close(answer) { if (answer) document.cookie = 'CookieConsent=' + answer + ';path=/'; parts.forEach(function (part) { part.remove(); }); }
if (document.cookie.includes('CookieConsent')) return close('');
document.getElementById('CybotCookiebotDialogBodyButtonDecline').onclick = function () { close('deny'); };
document.getElementById('CybotCookiebotDialogBodyLevelButtonLevelOptinAllowAll').onclick = function () { close('allow'); }; })();</script>"""

SOURCEPOINT = """<style>.sp-message-open{overflow:hidden}#sp_message_container_88{position:fixed;inset:0;z-index:2147483647;background:#0009;display:block}#sp_message_iframe_88{position:absolute;left:50%;bottom:0;transform:translateX(-50%);width:min(900px,100vw);height:250px;border:0;background:#fff}</style>
<div id="sp_message_container_88"><iframe id="sp_message_iframe_88" src="{{ consent }}" title="SP Consent Message" allowtransparency="true"></iframe></div>
<script>(function () { var box = document.getElementById('sp_message_container_88');
function close() { box.remove(); document.documentElement.classList.remove('sp-message-open'); }
if (document.cookie.includes('consentUUID')) return close();
document.documentElement.classList.add('sp-message-open');
window.addEventListener('message', function (event) { if (event.data && event.data.name === 'sp.hideMessage') { document.cookie = 'consentUUID=' + event.data.choice + ';path=/'; close(); } }); })();</script>"""

box = site("consentbox", "Consent message", {}, topic="dealership", builder="Sourcepoint", dealership=False)
box.get("/")(
    lambda: page(
        "Consent",
        """<div class="message type-modal" role="dialog" aria-label="Your privacy"><h2>Your privacy</h2><p>We and our 412 partners store and/or access information on a device and process personal data. You may accept or manage your choices.</p><div class="row"><button title="Options" class="message-component message-button no-children sp_choice_type_12">Options</button><button title="Reject all" class="message-component message-button no-children sp_choice_type_13">Reject all</button><button title="Accept all" class="message-component message-button no-children sp_choice_type_11">Accept all</button></div></div>
<script>[11, 13].forEach(function (choice) { document.querySelector('.sp_choice_type_' + choice).onclick = function () { parent.postMessage({ name: 'sp.hideMessage', choice: choice }, '*'); }; });</script>""",
        head='<link rel="stylesheet" href="/assets/base.css"><style>body{--accent:#274b8f;padding:26px 34px}.row{display:flex;gap:14px}.sp_choice_type_12{background:none;color:#274b8f}</style>',
    )
)
