-- Lanes by operators are in their place. A process of an older release picks more slowly until it is replaced, and no less right.
DROP INDEX task_instances_need_lanes, task_instances_need_lanes_by_age;
