//! The page of the operator.

mod actions;
mod hostile;
mod login;
mod overview;
mod screens;
mod visitor;
