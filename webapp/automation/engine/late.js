// Resolves with a count of what a form is made of, as soon as it differs from `known` (null: from now) or after `most` milliseconds.
// Scrolls down a part, for forms that come on sight.
({most, known}) => new Promise((done) => {
  const count = () => {
    const roots = [document];
    let all = 0;
    for (let at = 0; at < roots.length && at < 60; at++) {
      all += roots[at].querySelectorAll("input,textarea,select,iframe,form").length;
      all += [...roots[at].querySelectorAll("input,textarea,select,form")].filter((el) => el.checkVisibility()).length;
      for (const el of roots[at].querySelectorAll("*")) if (el.shadowRoot) roots.push(el.shadowRoot);
    }
    return all;
  };
  const before = known ?? count();
  const end = () => { watch.disconnect(); clearInterval(beat); clearTimeout(over); done(count()); };
  const look = () => { if (count() !== before) end(); };
  const watch = new MutationObserver(look);
  watch.observe(document, {childList: true, subtree: true, attributes: true, attributeFilter: ["class", "style", "hidden", "open"]});
  const beat = setInterval(look, 200); // shadow roots tell nobody
  const over = setTimeout(end, most);
  const height = document.documentElement?.scrollHeight ?? 0; // null while another document comes
  if (scrollY + innerHeight < height - 50) scrollTo(0, Math.min(height, scrollY + innerHeight * 3));
  look();
})
