export function Settlement() {
  return <div />;
}
