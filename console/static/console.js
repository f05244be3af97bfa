// Says so when the console does not answer, and takes it back when it does.
(() => {
  const notice = document.getElementById("offline");
  let since = new Date();
  const fail = () => {
    notice.querySelector("span").textContent = since.toLocaleTimeString();
    notice.hidden = false;
  };
  const succeed = () => {
    since = new Date();
    notice.hidden = true;
  };
  for (const name of ["htmx:sendError", "htmx:responseError", "htmx:sseError"]) {
    document.body.addEventListener(name, fail);
  }
  for (const name of ["htmx:sseOpen", "htmx:afterSwap"]) {
    document.body.addEventListener(name, succeed);
  }
})();
