//! What must hold whatever happens in between.

mod model;
