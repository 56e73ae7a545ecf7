using System.Runtime.InteropServices;

namespace PgCluster.Handoff;

/// <summary>A descriptor that a store keeps for the next process.</summary>
/// <param name="Info">What it is.</param>
/// <param name="Copy">The store's own copy, closed with the store and never used by the application.</param>
/// <param name="IsInherited">True when it came from the process before.</param>
internal sealed record StoredDescriptor(DescriptorInfo Info, SafeHandle Copy, bool IsInherited)
{
    /// <summary>True once the application has asked for it, or has registered it.</summary>
    public bool IsUsed { get; set; } = !IsInherited;
}
