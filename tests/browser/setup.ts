/** Every test file begins as a first visit: all of them share one origin, and choices of a page are kept for the next. */

localStorage.clear();
sessionStorage.clear();
