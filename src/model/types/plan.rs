//! What a compose file would change, and compose projects that are taken over. Ours, not Rancher's.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[&ADOPTION, &STACK_PLAN];

/// `adoption`: compose projects that run are taken over as stacks, and given back.
pub const ADOPTION: Type = Type::computed(
    "adoption",
    "adoptions",
    "adoptions",
    &[&[
        f("names", Array(&String)).null().c(),
        f("dryRun", Boolean).or_bool(false).c(),
        f("undo", Boolean).or_bool(false).c(),
        f("projects", Array(&Json)).null(),
    ]],
)
.methods(Methods { create: Everyone, ..Methods::NONE });

/// `stackPlan`: compose files in, what they change out.
pub const STACK_PLAN: Type = Type::computed(
    "stackPlan",
    "stackPlans",
    "stackPlans",
    &[&[
        f("name", String).null().c(),
        f("directory", String).null().c(),
        f("dockerCompose", String).null().c(),
        f("rancherCompose", String).null().c(),
        f("composeFiles", Array(&Json)).null().c(),
        f("environment", Map(&String)).null().c(),
        f("files", Map(&String)).null().c().input_only(),
        f("fingerprint", String).null().c(),
        f("projectDir", String).null().c(),
        f("profiles", Array(&String)).null().c(),
        f("dryRun", Boolean).or_bool(false).c(),
        f("template", Boolean).or_bool(false).c(),
        f("contents", Boolean).or_bool(false).c(),
        f("removeOrphans", Boolean).or_bool(false).c(),
        f("stackId", Reference("stack")).null(),
        f("changes", Array(&Json)).null(),
        f("before", Json).null(),
        f("after", Json).null(),
        f("problems", Array(&Json)).null(),
    ]],
)
.methods(Methods { create: Everyone, ..Methods::NONE });
