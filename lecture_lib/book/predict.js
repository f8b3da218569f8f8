// A guess before the answer: whoever has chosen gets it unfolded.
document.addEventListener("change", ({ target }) => {
  const answer = target.closest(".lecture-predict")?.querySelector("details");
  if (answer) answer.open = true;
});
