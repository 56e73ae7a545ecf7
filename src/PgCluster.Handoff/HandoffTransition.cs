namespace PgCluster.Handoff;

/// <summary>What an event does to a process.</summary>
/// <param name="State">Its state from here on.</param>
/// <param name="Accepted">False when nothing comes of the event: a request is refused, a <see cref="HandoffEvent.Ready"/> is an error, the end of a transfer comes too late.</param>
/// <param name="Completes">True when its part ends here, which is signalled once in a process's life.</param>
public readonly record struct HandoffTransition(HandoffState State, bool Accepted, bool Completes);
