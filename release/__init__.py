"""How a release of Quayside is made (docs/upgrading.md)."""
