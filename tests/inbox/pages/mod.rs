//! The pages of the inbox, as a visitor, assistive technology and another site meet them.

mod accessibility;
mod actions;
mod appearance;
mod bell;
mod hostile;
mod injection;
mod keyboard;
mod languages;
mod live_list;
mod outages;
mod policy;
mod reading;
mod screens;
mod store_failure;
mod visitor;
