// Brings what changes into open pages, and says so when a page cannot be brought up to date.
(() => {
  const notice = document.getElementById("stale");
  let since = new Date();
  const fail = (why) => {
    notice.textContent = `${why} This page is as of ${since.toLocaleTimeString()}.`;
    notice.hidden = false;
  };
  const succeed = () => {
    since = new Date();
    notice.hidden = true;
  };
  const heard = (event) => {
    if (event === "fail") return fail("The console does not answer.");
    if (event === "open") return succeed();
    htmx.trigger(document.body, event);
  };
  document.body.addEventListener("htmx:sendError", () => heard("fail"));
  document.body.addEventListener("htmx:afterSwap", succeed);
  document.body.addEventListener("htmx:responseError", ({ detail }) => {
    const page = new DOMParser().parseFromString(detail.xhr.responseText, "text/html");
    fail(page.querySelector("main [role=alert]")?.textContent ?? `The console answers ${detail.xhr.status}.`);
  });

  if (!document.querySelector("[hx-trigger^=calls]")) return;
  // A browser opens six connections to a host at most. So one page has the stream, and tells the others; when
  // it is closed, another one takes over.
  const pages = new BroadcastChannel("calls");
  pages.onmessage = ({ data }) => heard(data);
  const tell = (event) => {
    heard(event);
    pages.postMessage(event);
  };
  const listen = () => {
    const stream = new EventSource("/events");
    stream.addEventListener("calls", () => tell("calls"));
    window.addEventListener("pagehide", () => stream.close());  // which is no failure
    stream.onopen = () => tell("open");
    stream.onerror = () => {
      tell("fail");
      if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
    };
  };
  navigator.locks.request("calls", () => {
    listen();
    return new Promise(() => {});
  });
  // What changed while this page was loaded, the stream may have told before.
  document.addEventListener("DOMContentLoaded", () => heard("calls"));
})();
