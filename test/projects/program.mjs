import { FileMapping, getSharedMem, setSharedMem } from 'dllmemfilemap';

const mapping = FileMapping.create(null, 4096);
const view = mapping.mapView();
const { bytes } = view;
bytes[0] = 7;
view.close();
mapping.close();
setSharedMem('from a bundle');
console.log(getSharedMem(), bytes.length);
