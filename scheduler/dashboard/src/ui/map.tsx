export function CityMap() {
  return <div />;
}
