namespace PgCluster;

/// <summary>What a line of a report did with its step.</summary>
public enum StepPhase
{
    /// <summary>The step itself.</summary>
    Run = 0,

    /// <summary>The undo of a step.</summary>
    Undo,

    /// <summary>What a step took and gives back at the end in any case: the lock.</summary>
    Release,
}
