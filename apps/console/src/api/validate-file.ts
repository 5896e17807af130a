import { fileDesc } from '@bufbuild/protobuf/codegenv2';

/** `buf/validate/validate.proto` by name only: a FileDescriptorProto whose single field is its path. */
export const file_buf_validate_validate = /*@__PURE__*/ fileDesc('ChtidWYvdmFsaWRhdGUvdmFsaWRhdGUucHJvdG8');
