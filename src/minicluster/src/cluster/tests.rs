//! Tests of the API through ordinary clients.
