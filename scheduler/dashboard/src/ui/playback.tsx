export function Playback() {
  return <div />;
}
