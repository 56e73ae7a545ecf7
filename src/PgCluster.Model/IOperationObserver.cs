namespace PgCluster;

/// <summary>Is told how an operation goes. Must not throw and must not wait.</summary>
public interface IOperationObserver
{
    /// <summary>A step or the undo of one begins.</summary>
    void StepStarting(PlanStep step, StepPhase phase);

    /// <summary>A step or the undo of one is over.</summary>
    void StepFinished(StepReport step);
}
