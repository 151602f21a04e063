-- Lanes are in their place. A process of an older release picks more slowly until it is replaced, and no less right.
DROP INDEX task_instances_ready, task_instances_ready_by_age;
