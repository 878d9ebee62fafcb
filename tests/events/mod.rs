//! Events and subscriptions.

mod interleavings;
mod matching;
mod publishing;
mod renderers;
