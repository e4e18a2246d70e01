"""What is peculiar to Microsoft.AzureML.Kubernetes: its settings, rules, risks and failures. Pure; no I/O."""
