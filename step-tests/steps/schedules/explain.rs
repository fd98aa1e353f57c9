//! The search for an order of the calls that explains what was seen (Wing and Gong, with Lowe's memory of
//! what was tried). A call that had returned before another began comes before it.

use std::collections::{HashMap, HashSet};

use super::{Program, Seen, WAITS};
use crate::subject::Answer;
use crate::tried::{Call, Outcome, Plan};

/// The answers, and what was left.
type Led = (Vec<Option<Answer>>, Option<Answer>);

/// Judges all that one program led to.
pub struct Judge {
    plan: Plan,
    program: Program,
    calls: Vec<Call>,
    /// Whether the laxer promises count: [`About::weak`](crate::subject::About) and `loose`.
    lax: bool,
    /// What calls lead to one after the other.
    plain: HashMap<Vec<Call>, Outcome>,
    /// What has been explained already.
    explained: HashSet<(Led, Vec<u32>)>,
}

impl Judge {
    pub fn new(plan: Plan, program: Program, lax: bool) -> Self {
        let calls = program.threads.iter().flatten().copied().collect();
        Self { plan, program, calls, lax, plain: HashMap::new(), explained: HashSet::new() }
    }

    /// Fails if no order explains it.
    pub fn judge(&mut self, seen: &Seen) -> Result<(), String> {
        if let Some(panic) = &seen.panic {
            return Err(format!("{panic}\n{}", self.describe(seen)));
        }
        let before = seen.before();
        if !self.explained.insert(((seen.answers.clone(), seen.end.clone()), before.clone())) {
            return Ok(());
        }
        let about = |place: usize| &self.plan.operations[self.calls[place].0];
        let ran: Vec<usize> =
            (0..self.calls.len()).filter(|&place| seen.answers[place].is_some()).collect();
        if self.lax && ran.iter().any(|&place| about(place).loose) {
            return Ok(());
        }
        let beside = |place: usize| {
            let apart =
                |other: usize| before[place] >> other & 1 == 1 || before[other] >> place & 1 == 1;
            ran.iter().any(|&other| other != place && !apart(other))
        };
        // Those that may have answered as they did for no reason, as another was in mid-operation.
        let weak: Vec<usize> = ran
            .iter()
            .copied()
            .filter(|&place| self.lax && !about(place).weak.is_empty() && beside(place))
            .filter(|&place| seen.answers[place].as_deref() == Some(about(place).weak))
            .collect();
        for left_out in 0..1_u32 << weak.len() {
            let out = |place: &usize| {
                weak.iter().position(|one| one == place).is_some_and(|bit| left_out >> bit & 1 == 1)
            };
            let kept: Vec<usize> = ran.iter().copied().filter(|place| !out(place)).collect();
            if self.some_order(&kept, &before, seen, &mut Vec::new()) {
                return Ok(());
            }
        }
        Err(format!("no order explains\n{}", self.describe(seen)))
    }

    fn some_order(
        &mut self,
        kept: &[usize],
        before: &[u32],
        seen: &Seen,
        order: &mut Vec<usize>,
    ) -> bool {
        if order.len() == kept.len() {
            let plain = self.plain(order);
            return seen.end.as_ref().is_none_or(|end| *end == plain.end);
        }
        for &place in kept {
            let early = |other: &usize| before[place] >> *other & 1 == 1 && !order.contains(other);
            // Who waits for ever waits although all others have returned.
            let returns = |other: &usize| seen.answers[*other].as_deref() != Some(WAITS);
            let too_early = !returns(&place)
                && kept.iter().any(|other| returns(other) && !order.contains(other));
            if order.contains(&place) || too_early || kept.iter().any(early) {
                continue;
            }
            order.push(place);
            let answer = self.plain(order).answers.pop();
            let found = answer == seen.answers[place] && self.some_order(kept, before, seen, order);
            order.pop();
            if found {
                return true;
            }
        }
        false
    }

    fn plain(&mut self, order: &[usize]) -> Outcome {
        let calls: Vec<Call> = order.iter().map(|&place| self.calls[place]).collect();
        if let Some(outcome) = self.plain.get(&calls) {
            return outcome.clone();
        }
        let outcome = self.plan.runs.plain(self.program.state, &calls);
        self.plain.insert(calls, outcome.clone());
        outcome
    }

    fn describe(&self, seen: &Seen) -> String {
        let mut text = self.plan.described(&self.program);
        let mut events: Vec<(u32, String)> = Vec::new();
        for (place, &(at, number)) in self.calls.iter().enumerate() {
            let name = format!("{}({number})", self.plan.operations[at].name);
            let (from, to) = seen.spans[place];
            if let Some(answer) = &seen.answers[place] {
                events.push((from, format!("{name} begins")));
                let waits = if answer == WAITS { ", for ever" } else { "" };
                events.push((to, format!("{name} -> {answer}{waits}")));
            }
        }
        events.sort();
        for (_, event) in events {
            text += &format!("  {event}\n");
        }
        text + &format!("  at the end {:?}\n", seen.end)
    }
}
