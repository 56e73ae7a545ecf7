namespace PgCluster.Adapters.Grpc;

/// <summary>How a <see cref="Reason"/> travels: by name, in one trailer.</summary>
internal static class GrpcReason
{
    /// <summary>The trailer that carries the name.</summary>
    internal const string TrailerName = "pgcluster-reason";

    /// <summary>Finds the reason in a call's trailers; null when there is none or it is of a newer version.</summary>
    internal static Reason? Find(IReadOnlyList<KeyValuePair<string, string>> trailers)
    {
        foreach (KeyValuePair<string, string> trailer in trailers)
        {
            // A number parses as any enum; only a name that this version defines counts.
            if (trailer.Key == TrailerName && Enum.TryParse(trailer.Value, out Reason reason) && reason.ToString() == trailer.Value)
            {
                return reason;
            }
        }

        return null;
    }

    /// <summary>The status that says to any gRPC client what the reason says to ours.</summary>
    internal static GrpcStatusCode ToStatusCode(Reason reason) => reason switch
    {
        Reason.InvalidConfiguration or Reason.InvalidArgument => GrpcStatusCode.InvalidArgument,
        Reason.AccessDenied => GrpcStatusCode.PermissionDenied,
        Reason.NodeNotFound or Reason.PoolerNotFound or Reason.PlaygroundNotFound => GrpcStatusCode.NotFound,
        Reason.StoreUnavailable or Reason.NoQuorum or Reason.AgentUnreachable or Reason.PostgresUnavailable or Reason.PoolerUnreachable or Reason.PacemakerUnavailable
            => GrpcStatusCode.Unavailable,
        Reason.PauseTimeout or Reason.StepTimeout or Reason.NodeNotReady => GrpcStatusCode.DeadlineExceeded,
        Reason.LockHeld or Reason.LockLost or Reason.PlanStale or Reason.RolledBack or Reason.SwitchoverCalledOff => GrpcStatusCode.Aborted,
        Reason.BlockedBySessions or Reason.NoPrimary or Reason.SplitBrain or Reason.NoEligibleCandidate or Reason.TargetNotEligible
            or Reason.PreflightFailed or Reason.ForceRequired or Reason.DataLossNotAllowed or Reason.OldPrimaryStillRunning
            or Reason.NeedsOperator or Reason.MissingProgram or Reason.PlaygroundFailed or Reason.SwitchoverNotReady or Reason.StaleDatabase
            or Reason.VerificationFailed or Reason.NoSuitableNode or Reason.NotInitialized or Reason.ForeignServer or Reason.ForeignAgent or Reason.NodeNeeded
            => GrpcStatusCode.FailedPrecondition,
        Reason.Cancelled => GrpcStatusCode.Cancelled,
        Reason.NotSupportedHere => GrpcStatusCode.Unimplemented,
        _ => GrpcStatusCode.Internal,
    };
}
