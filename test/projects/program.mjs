import { FileMapping, getSharedMem, NamedEvent, setSharedMem } from 'dllmemfilemap';

const mapping = FileMapping.create(null, 4096);
const view = mapping.mapView();
const { bytes } = view;
bytes[0] = 7;
view.close();
mapping.close();
setSharedMem('from a bundle');
console.log(getSharedMem(), bytes.length);
const event = NamedEvent.create(`from a bundle ${process.pid}`);
setTimeout(() => event.set(), 10);
event.wait({ timeout: 20_000 }).then(
  () => console.log('waited'),
  (error) => console.log(error.message),
);
